import { isSecretTaken, secretInEndpoint, setFrontDoor } from '@managed-consul/clusters';
import { TerminalError } from '@managed-consul/errors';
import { done } from '@managed-consul/workflow-engine';
import type { Step } from '../services';
import { inputOf, readApplication } from './registration-input';

/** Name of the custom provider in the managed resource group; associations of Azure find it by this one alone. */
const CUSTOM_PROVIDER = 'public';

/** The one secret of all endpoints; undefined when there is none, or one endpoint goes elsewhere. */
function commonSecret(endpoints: readonly string[]): string | undefined {
  const secrets = new Set(endpoints.map(secretInEndpoint));
  const [secret] = secrets;
  return secrets.size === 1 ? secret : undefined;
}

/**
 * Takes the secret that Azure will forward requests with out of the application's custom provider, where only the template and
 * the service can have put it. An application without one is reached directly; one that was changed has a new secret.
 */
export async function openFrontDoor(step: Step) {
  const input = inputOf(step);
  if (input.from === 'request') return done();
  const { azure, database } = step;
  const { id: applicationId, subscriptionId, managedResourceGroup } = await readApplication(step, input.applicationId);
  const { customProviders } = azure.inSubscription(subscriptionId);
  const endpoints = await customProviders.findEndpoints(managedResourceGroup, CUSTOM_PROVIDER);
  const secret = commonSecret(endpoints ?? []);
  const installation = await database.prisma.installation.findUniqueOrThrow({ where: { applicationId } });
  return done(undefined, async (tx) => {
    if (secret !== undefined && (await isSecretTaken(tx, installation.id, secret))) {
      const message = 'The front door secret of the application belongs to another. Install it again without giving one.';
      throw new TerminalError('FrontDoorSecretTaken', message);
    }
    await setFrontDoor(tx, installation, secret);
  });
}
