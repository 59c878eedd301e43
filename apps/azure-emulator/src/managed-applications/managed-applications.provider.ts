import type { Platform, ResourceProvider } from '../arm/resource-provider';
import { ApplicationDefinitions } from './application-definitions';
import { Applications } from './applications';
import { NotificationQueue } from './notification-queue';
import { NAMESPACE } from './versions';

/** `Microsoft.Solutions`: managed applications and their definitions. */
export const managedApplicationsProvider = (platform: Platform): ResourceProvider => {
  const definitions = new ApplicationDefinitions(platform.resources);
  const notifications = new NotificationQueue(platform.store, platform.clock, platform.operations, platform.log);
  return {
    namespace: NAMESPACE,
    types: [definitions, new Applications(platform, definitions, notifications)],
    start: () => {
      notifications.start();
      return Promise.resolve();
    },
    stop: () => notifications.stop(),
  };
};
