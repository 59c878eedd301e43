import { reconcileUsage } from '@managed-consul/usage-emission';
import { done } from '@managed-consul/workflow-engine';
import type { Step } from '../services';

/** Days that are over are compared with Azure's report; what does not agree is kept for operators. */
export async function compareWithAzure({ database, azure, clock, log, signal }: Step) {
  const { taken, released, mismatched } = await reconcileUsage(database, azure.metering, clock, signal);
  if (mismatched > 0) log.warn({ alarm: true, mismatched }, 'Azure reports other usage than was sent');
  return done({ taken, released, mismatched });
}
