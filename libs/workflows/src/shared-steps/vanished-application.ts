import { TerminalError } from '@managed-consul/errors';
import type { Services } from '../services';

/** Whether Azure refused because the service has no right there, as opposed to any other failure. */
const isAccessRefusal = (error: unknown): boolean => error instanceof TerminalError && error.code === 'AuthorizationFailed';

/**
 * A managed application, or undefined when it is gone as far as the service can see. Azure takes the publisher's rights away
 * together with the application and its managed resource group, and then answers every read with 403, not 404: so being refused
 * on the application itself means that there is nothing left that the service could or should touch.
 */
export async function findApplicationInSight(azure: Services['azure'], applicationId: string) {
  try {
    const application = await azure.managedApplications.find(applicationId);
    return application?.provisioningState === 'Deleted' ? undefined : application;
  } catch (error) {
    if (isAccessRefusal(error)) return undefined;
    throw error;
  }
}

const applicationIsOutOfSight = async (azure: Services['azure'], applicationId: string): Promise<boolean> =>
  (await findApplicationInSight(azure, applicationId)) === undefined;

/**
 * Does something in the place of a cluster, or gives `gone` when Azure refuses it because the managed application has vanished,
 * which it may do between any two steps. A refusal while the application is still there is thrown on: then a role is missing.
 */
export async function unlessVanished<Found>(
  { azure, cluster }: Pick<Services, 'azure' | 'cluster'>,
  act: () => Promise<Found>,
  gone: Found,
): Promise<Found> {
  try {
    return await act();
  } catch (error) {
    const { applicationId } = cluster.installation;
    if (isAccessRefusal(error) && applicationId && (await applicationIsOutOfSight(azure, applicationId))) return gone;
    throw error;
  }
}
