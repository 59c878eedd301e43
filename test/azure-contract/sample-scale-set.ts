/** A customer's network, identity and scale set, whose machines run a small real program. */
import { ComputeManagementClient, type VirtualMachineScaleSet } from '@azure/arm-compute';
import { ManagedServiceIdentityClient } from '@azure/arm-msi';
import { NetworkManagementClient } from '@azure/arm-network';
import { ResourceManagementClient } from '@azure/arm-resources';
import { AUDIENCE, SUBSCRIPTION, type EmulatedAzure } from './emulated-azure';

export const GROUP = 'contract';
export const SCALE_SET = 'servers';
/** Where the program of a machine answers, on the machine's own address. */
export const PROGRAM_PORT = 18_999;

/** Starts a daemon without any of its environment, then answers with what it knows of itself and a fresh token. */
const PROGRAM = `
import { spawn } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { createServer } from 'node:http';
const imds = process.env.AZURE_POD_IDENTITY_AUTHORITY_HOST;
const ask = async (path) => (await fetch(imds + path, { headers: { Metadata: 'true' } })).json();
const { compute, network } = await ask('/metadata/instance?api-version=2021-02-01');
const binary = process.env.STATE_DIRECTORY + '/daemon-' + process.pid;
copyFileSync('/bin/sleep', binary);
const daemon = spawn(binary, ['86400'], { detached: true, stdio: 'ignore', env: {} });
daemon.unref();
const tokenPath = '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=' + encodeURIComponent('${AUDIENCE}');
createServer(async (request, response) => {
  const token = request.url === '/token' ? (await ask(tokenPath)).access_token : undefined;
  response.end(JSON.stringify({ pid: process.pid, daemon: daemon.pid, uid: process.getuid(), vmId: compute.vmId, name: compute.name, token }));
}).listen(${PROGRAM_PORT}, network.interface[0].ipv4.ipAddress[0].privateIpAddress);
`;

const UNIT = `[Service]
User=sample
StateDirectory=sample
KillMode=process
Restart=always
ExecStart=/usr/bin/node /opt/sample.mjs
[Install]
WantedBy=multi-user.target
`;

const CLOUD_CONFIG = `#cloud-config
${JSON.stringify({
  users: [{ name: 'sample', system: true }],
  write_files: [
    { path: '/opt/sample.mjs', content: PROGRAM },
    { path: '/etc/systemd/system/sample.service', content: UNIT },
  ],
  runcmd: [['systemctl', 'enable', '--now', 'sample.service']],
})}
`;

/** What the program of a machine says. */
export interface ProgramAnswer {
  pid: number;
  daemon: number;
  uid: number;
  vmId: string;
  name: string;
  token?: string;
}

export const askProgram = async (address: string, path: '/' | '/token' = '/'): Promise<ProgramAnswer> =>
  (await (await fetch(`http://${address}:${PROGRAM_PORT}${path}`)).json()) as ProgramAnswer;

/** The clients of one customer. */
export function clientsOf(azure: EmulatedAzure) {
  const { credential, options } = azure.client();
  return {
    resources: new ResourceManagementClient(credential, SUBSCRIPTION, {
      ...options,
      credentials: { scopes: options.credentialScopes },
    }),
    network: new NetworkManagementClient(credential, SUBSCRIPTION, options),
    identities: new ManagedServiceIdentityClient(credential, SUBSCRIPTION, options),
    compute: new ComputeManagementClient(credential, SUBSCRIPTION, {
      ...options,
      credentials: { scopes: options.credentialScopes },
    }),
  };
}

export type Clients = ReturnType<typeof clientsOf>;

/** Makes group, network and identity; gives the body of a scale set in them. */
export async function prepareGroup({
  resources,
  network,
  identities,
}: Clients): Promise<(capacity: number) => VirtualMachineScaleSet> {
  const location = 'westeurope';
  await resources.resourceGroups.createOrUpdate(GROUP, { location });
  await network.virtualNetworks.createOrUpdate(GROUP, 'network', {
    location,
    addressSpace: { addressPrefixes: ['10.7.0.0/16'] },
    subnets: [{ name: 'servers', addressPrefix: '10.7.0.0/24' }],
  });
  const subnet = await network.subnets.get(GROUP, 'network', 'servers');
  const identity = await identities.userAssignedIdentities.createOrUpdate(GROUP, 'identity', { location });
  return (capacity) => ({
    location,
    sku: { name: 'Standard_D2s_v5', capacity },
    identity: { type: 'UserAssigned', userAssignedIdentities: { [identity.id ?? '']: {} } },
    orchestrationMode: 'Uniform',
    upgradePolicy: { mode: 'Manual' },
    virtualMachineProfile: {
      osProfile: {
        computerNamePrefix: 'server',
        adminUsername: 'operator',
        customData: Buffer.from(CLOUD_CONFIG).toString('base64'),
        linuxConfiguration: {
          disablePasswordAuthentication: true,
          ssh: { publicKeys: [{ path: '/home/operator/.ssh/authorized_keys', keyData: 'ssh-ed25519 AAAA' }] },
        },
      },
      storageProfile: {
        imageReference: { publisher: 'Debian', offer: 'debian-13', sku: '13-gen2', version: 'latest' },
        osDisk: { createOption: 'FromImage' },
      },
      networkProfile: {
        networkInterfaceConfigurations: [
          {
            name: 'card',
            primary: true,
            ipConfigurations: [{ name: 'address', primary: true, subnet: { id: subnet.id ?? '' } }],
          },
        ],
      },
    },
  });
}

/** Private addresses of the instances, in the order of their numbers, as the network tells them. */
export async function addressesOf({ network }: Clients): Promise<string[]> {
  const addresses: string[] = [];
  for await (const card of network.networkInterfaces.listVirtualMachineScaleSetNetworkInterfaces(GROUP, SCALE_SET)) {
    addresses.push(card.ipConfigurations?.[0]?.privateIPAddress ?? '');
  }
  return addresses;
}
