import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerJson, CustomEndpoint } from '../../tools/test-servers/custom-endpoint';
import { AzureCli, azMissing } from '../support/azure-cli';
import { EmulatedAzure, OWNER, SUBSCRIPTION, TENANT } from './emulated-azure';
import { groupName, liveAzure } from './live-azure';

const GROUP = groupName('made-by-az');
const CUSTOM = `/subscriptions/${SUBSCRIPTION}/resourceGroups/${GROUP}/providers/Microsoft.CustomProviders/resourceProviders/public`;

/** As people write templates: with comments, which `az` passes on as they are. */
const template = (endpoint: string): string => `{
  // The schema is only a name here.
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  "parameters": { "identity": { "type": "string" } },
  "resources": [
    {
      "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
      "apiVersion": "2023-01-31",
      "name": "[parameters('identity')]",
      "location": "[resourceGroup().location]"
    },
    {
      "type": "Microsoft.CustomProviders/resourceProviders",
      "apiVersion": "2018-09-01-preview",
      "name": "public",
      "location": "[resourceGroup().location]",
      "properties": { "actions": [{ "name": "createToken", "routingType": "Proxy", "endpoint": "${endpoint}/front?code=x" }] }
    }
  ]
}`;

describe.skipIf(azMissing !== undefined)(`az${azMissing === undefined ? '' : ` (skipped: ${azMissing})`}`, () => {
  const emulator = new EmulatedAzure();
  const folder = mkdtempSync(join(tmpdir(), 'az-contract-'));
  let az: AzureCli;
  let endpoint: CustomEndpoint;

  beforeAll(async () => {
    [endpoint] = await Promise.all([CustomEndpoint.open(), emulator.start()]);
    const { url, caFile } = emulator.proxy;
    az = new AzureCli(liveAzure ? undefined : { proxy: url, caFile });
    await az.signIn({ clientId: OWNER.clientId, secret: OWNER.secret, tenantId: TENANT });
  });
  afterAll(async () => {
    await emulator.dispose('made-by-az');
    await endpoint.close();
    az.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  it('signs in under Azure’s own names and finds its subscription', async () => {
    expect(await az.run('account', 'show')).toMatchObject({ id: SUBSCRIPTION, tenantId: TENANT, environmentName: 'AzureCloud' });
  });

  it('makes a group, deploys a template with comments into it, calls a custom action, and deletes it all', async ({ skip }) => {
    skip(liveAzure !== undefined, 'no real Azure reaches the endpoint of this test');
    expect(await az.run('group', 'create', '--name', GROUP, '--location', 'westeurope')).toMatchObject({
      properties: { provisioningState: 'Succeeded' },
    });
    const file = join(folder, 'template.json');
    writeFileSync(file, template(endpoint.url));
    const parameters = ['--template-file', file, '--parameters', 'identity=sample'];
    expect(
      await az.run('deployment', 'group', 'create', '--resource-group', GROUP, '--name', 'first', ...parameters),
    ).toMatchObject({
      properties: { provisioningState: 'Succeeded' },
    });
    expect(await az.run('resource', 'list', '--resource-group', GROUP)).toEqual(
      expect.arrayContaining([expect.objectContaining({ name: 'sample' }), expect.objectContaining({ name: 'public' })]),
    );
    endpoint.answer = ({ body }, response) => answerJson(response, 200, { heard: JSON.parse(body) as unknown });
    const body = JSON.stringify({ resourceGroup: GROUP });
    expect(await az.run('resource', 'invoke-action', '--action', 'createToken', '--ids', CUSTOM, '--request-body', body)).toEqual(
      {
        heard: { resourceGroup: GROUP },
      },
    );
    expect(endpoint.last.headers['x-ms-customproviders-requestpath']).toBe(`${CUSTOM}/createToken`);
    await az.run('group', 'delete', '--name', GROUP, '--yes');
    expect(await az.run('group', 'exists', '--name', GROUP)).toBe(false);
  });
});
