import { renderCloudConfig } from '@managed-consul/agent-protocol';
import type { Step } from '../services';
import { programHashes } from './server-desired-state';

/** What a machine that is made now is told at its first boot. Contains no secret. */
export async function machineCloudConfig(step: Pick<Step, 'cluster' | 'database' | 'machines'>): Promise<string> {
  const { machines, cluster } = step;
  return renderCloudConfig({
    gatewayUrl: machines.gatewayUrl,
    gatewayAudience: machines.gatewayAudience,
    gatewayCaPem: machines.gatewayCaPem,
    bundleSha256: machines.agentBundleSha256,
    consulSha256: await programHashes(step, cluster.observedConsulVersion ?? cluster.consulVersion),
  });
}
