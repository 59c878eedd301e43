import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sample, sampleSeed, startTestEmulator, type TestEmulator } from '../emulator.builder';
import { containerServiceProvider } from './container-service.provider';

const GROUP = `/subscriptions/${sample.subscriptionId}/resourceGroups/sample`;
const CLUSTER = `${GROUP}/providers/Microsoft.ContainerService/managedClusters/workloads`;

describe('Microsoft.ContainerService', () => {
  let emulator: TestEmulator;

  beforeAll(async () => {
    const managedClusters = [
      {
        subscriptionId: sample.subscriptionId,
        resourceGroup: 'sample',
        name: 'workloads',
        location: 'westeurope',
        properties: { fqdn: 'workloads-1.hcp.westeurope.azmk8s.io', kubernetesVersion: '1.30.0' },
      },
    ];
    emulator = await startTestEmulator({ providers: [containerServiceProvider], seed: { ...sampleSeed, managedClusters } });
  });
  afterAll(() => emulator.dispose());

  it('shows the Kubernetes clusters of the seed, one and in lists', async () => {
    const read = await emulator.call('GET', CLUSTER, { query: 'api-version=2020-07-01' });
    expect(read.body).toMatchObject({
      name: 'workloads',
      type: 'Microsoft.ContainerService/managedClusters',
      location: 'westeurope',
      properties: { fqdn: 'workloads-1.hcp.westeurope.azmk8s.io', provisioningState: 'Succeeded' },
    });
    const listed = await emulator.call('GET', `${GROUP}/providers/Microsoft.ContainerService/managedClusters`);
    expect(listed.body['value']).toEqual([expect.objectContaining({ name: 'workloads' })]);
  });

  it('makes none, since no Kubernetes would run behind it', async () => {
    const answer = await emulator.call('PUT', `${CLUSTER}2`, { body: { location: 'westeurope', properties: {} } });
    expect(answer).toMatchObject({ status: 405, body: { error: { code: 'MethodNotAllowed' } } });
  });
});
