import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { minutes } from '@managed-consul/config';
import { azMissing } from '../support/azure-cli';
import { serviceStatus, type ServiceStatus } from '../support/service-status';

const run = promisify(execFile);

/** A program as the Azure SDK's own examples have it: nothing in it says where Azure is or who asks. */
const SDK_PROGRAM = `
import { ResourceManagementClient } from '@azure/arm-resources';
import { EnvironmentCredential } from '@azure/identity';
const client = new ResourceManagementClient(new EnvironmentCredential(), process.env.AZURE_SUBSCRIPTION_ID);
const names = [];
for await (const { name } of client.resourceGroups.list()) names.push(name);
console.log(JSON.stringify(names));
`;

describe('./hcs azure shell', () => {
  let status: ServiceStatus;

  beforeAll(async () => {
    status = await serviceStatus();
  });

  /** What a command prints in that shell. */
  const inShell = async (...command: readonly string[]): Promise<string> =>
    (await run('./hcs', ['azure', 'shell', '--', ...command], { timeout: minutes(2) })).stdout;

  it('makes a program written for Azure find the local one, as the sample customer', async () => {
    const program = ['--input-type=module', '--eval', SDK_PROGRAM];
    const names = JSON.parse(await inShell(process.execPath, ...program)) as string[];
    expect(names).toContain(status.samples.customer.resourceGroup);
    expect(names).not.toContain(status.samples.otherCustomer.resourceGroup);
  });

  it('leads the addresses at which older clients look for versions to the service’s own catalogue', async () => {
    const ask = `const answer = await fetch('https://api.cloud.hashicorp.com/consul/2021-02-04/versions?platform_type=HCS');
      console.log(JSON.stringify(await answer.json()));`;
    const program = ['--use-env-proxy', '--input-type=module', '--eval', ask];
    const { versions } = JSON.parse(await inShell(process.execPath, ...program)) as { versions: unknown[] };
    expect(versions).toContainEqual({ version: '1.8.7', status: 'RECOMMENDED' });
  });

  it.skipIf(azMissing !== undefined)(`lets az sign in${azMissing === undefined ? '' : ` (skipped: ${azMissing})`}`, async () => {
    const login =
      'az login --service-principal -u "$AZURE_CLIENT_ID" -p "$AZURE_CLIENT_SECRET" --tenant "$AZURE_TENANT_ID" -o json';
    const accounts = JSON.parse(await inShell('sh', '-c', login)) as { id: string }[];
    expect(accounts.map(({ id }) => id)).toEqual([status.samples.customer.subscriptionId]);
  });
});
