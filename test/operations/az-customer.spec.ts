import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { hcsOperations } from '@managed-consul/api-contract';
import { minutes } from '@managed-consul/config';
import { until } from '@managed-consul/testing';
import { azMissing } from '../support/azure-cli';
import { serviceStatus, type ServiceStatus } from '../support/service-status';

const run = promisify(execFile);
type OperationName = keyof typeof hcsOperations;

const name = `by-az-${randomUUID().slice(0, 6)}`;
const managedGroup = `${name}-managed`;
const PARAMETERS = {
  clusterName: { value: name },
  consulDataCenter: { value: 'dc1' },
  clusterMode: { value: 'DEVELOPMENT' },
  consulVnetCidr: { value: '172.25.18.0/24' },
  email: { value: 'platform-team@example.com' },
};

let status: ServiceStatus;
let subscription: string;

let environment: NodeJS.ProcessEnv;

/** What a line of a customer's script prints where `eval "$(./hcs azure env)"` was said. Rejects with what `az` says when it fails. */
async function shell(line: string): Promise<string> {
  return (await run('sh', ['-c', line], { env: environment, timeout: minutes(4) })).stdout;
}

const az = async (args: string): Promise<unknown> => {
  const printed = await shell(`az ${args} --only-show-errors --output json`);
  return printed.trim() === '' ? undefined : JSON.parse(printed);
};

const provider = (): string =>
  `/subscriptions/${subscription}/resourceGroups/${managedGroup}/providers/Microsoft.CustomProviders/resourceProviders/public`;

/** Calls an action of the custom provider; its answer is proved by the schema of the HCS API. */
async function act<Name extends OperationName>(operation: Name, body: Record<string, string> = {}) {
  const { path, answer } = hcsOperations[operation];
  const action = path.split('/').at(-1);
  const request = JSON.stringify({ subscriptionId: subscription, resourceGroup: name, ...body });
  const answered = await az(`resource invoke-action --action ${action} --ids ${provider()} --request-body '${request}'`);
  // The command line prints an action's answer as text in text.
  const value: unknown = typeof answered === 'string' ? JSON.parse(answered) : answered;
  return answer.parse(value) as z.output<(typeof hcsOperations)[Name]['answer']>;
}

describe.skipIf(azMissing !== undefined)(`a customer with az alone${azMissing ? ` (skipped: ${azMissing})` : ''}`, () => {
  beforeAll(async () => {
    status = await serviceStatus();
    subscription = status.samples.customer.subscriptionId;
    const { stdout } = await run('sh', ['-c', 'eval "$(./hcs azure env)" && env -0']);
    environment = Object.fromEntries(
      stdout.split('\0').map((line) => [line.split('=')[0] ?? '', line.slice(line.indexOf('=') + 1)]),
    );
  });
  afterAll(async () => {
    await shell('az logout').catch(() => '');
  });

  it(
    'signs in, makes a group and the managed application, gets a token, the configuration and a snapshot, and deletes it',
    { timeout: minutes(10) },
    async () => {
      await shell(
        'az login --service-principal -u "$AZURE_CLIENT_ID" -p "$AZURE_CLIENT_SECRET" --tenant "$AZURE_TENANT_ID" -o none',
      );
      await az(`group create --name ${name} --location westeurope`);
      const answered = await az(
        `managedapp create --name ${name} --resource-group ${name} --location westeurope --kind ServiceCatalog` +
          ` --managedapp-definition-id ${status.samples.applicationDefinitionId}` +
          ` --managed-rg-id /subscriptions/${subscription}/resourceGroups/${managedGroup} --parameters '${JSON.stringify(PARAMETERS)}'`,
      );
      const application = z.object({ id: z.string(), provisioningState: z.literal('Succeeded') }).parse(answered);

      const url = `${hcsOperations.GetCluster.path.replace(/.*\/public/, provider()).replace('{name}', name)}?api-version=2018-09-01-preview`;
      const cluster = hcsOperations.GetCluster.answer;
      const read = async () => cluster.parse(await az(`rest --method get --url "${url}"`));
      await until(async () => (await read()).properties?.state === 'RUNNING', {
        within: minutes(3),
        because: 'the cluster of the application runs',
      });

      const { masterToken } = await act('CreateToken');
      expect(masterToken?.secretId).toMatch(/^[0-9a-f-]{36}$/);
      const { caFile, clientConfig } = await act('GetConfig');
      expect(caFile).toContain('BEGIN CERTIFICATE');
      expect(JSON.parse(clientConfig ?? '')).toMatchObject({ datacenter: 'dc1' });

      const { operation, snapshotId } = await act('CreateSnapshot', { name: 'before-the-weekend' });
      const operationId = operation?.id ?? '';
      await until(async () => (await act('GetOperation', { operationId })).operation?.state === 'DONE', {
        within: minutes(2),
        because: 'the snapshot is taken',
      });
      const { snapshots } = await act('ListSnapshots');
      expect(snapshots).toEqual([expect.objectContaining({ id: snapshotId, name: 'before-the-weekend', state: 'READY' })]);

      // Debian's package lacks what `az managedapp delete` calls.
      await az(`resource delete --ids ${application.id}`);
      await az(`group delete --name ${name} --yes`);
      expect(await az(`group exists --name ${managedGroup}`)).toBe(false);
    },
  );
});
