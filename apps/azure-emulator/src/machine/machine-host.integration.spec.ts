import { randomInt } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@managed-consul/observability';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MachineHost, newVmId } from './machine-host';
import type { Machine } from './machine';
import { MachineTokenRefused, type MachineDescription } from './machine.types';
import { identifyProcess, isAlive, signalProcess, type ProcessIdentity } from './process-table';

const IDENTITY = '/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i';

/** Writes down what it was started with, starts a detached child and one with an empty environment and its own binary, and stays. */
const PROGRAM = `
import { spawn } from 'node:child_process';
import { copyFileSync, renameSync, writeFileSync } from 'node:fs';
const folder = process.env.STATE_DIRECTORY;
const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });
child.unref();
const binary = folder + '/sleep-' + process.pid;
copyFileSync('/bin/sleep', binary);
const bare = spawn(binary, ['3600'], { detached: true, stdio: 'ignore', env: {} });
bare.unref();
const { STATE_DIRECTORY, CONFIGURATION_DIRECTORY, AZURE_POD_IDENTITY_AUTHORITY_HOST, GREETING } = process.env;
const seen = { pid: process.pid, child: child.pid, bare: bare.pid, uid: process.getuid(), cwd: process.cwd(), argument: process.argv[2],
  STATE_DIRECTORY, CONFIGURATION_DIRECTORY, AZURE_POD_IDENTITY_AUTHORITY_HOST, GREETING };
writeFileSync(folder + '/seen.json.new', JSON.stringify(seen));
renameSync(folder + '/seen.json.new', folder + '/seen.json');
process.on('SIGTERM', () => process.exit(0));
setInterval(() => {}, 1000);
`;

const unit = (more = '') => `[Unit]
Description=Sample
[Service]
User=consul
StateDirectory=sample
StateDirectoryMode=0700
ConfigurationDirectory=sample
Environment=GREETING=hello
KillMode=process
${more}
ExecStart=/usr/bin/node /opt/sample/program.mjs /etc/sample/settings.json
[Install]
WantedBy=multi-user.target
`;

const cloudConfig = (unitText = unit(), rest = '') =>
  Buffer.from(
    `#cloud-config
${JSON.stringify({
  users: [{ name: 'consul', system: true }],
  packages: ['nodejs'],
  write_files: [
    { path: '/opt/sample/program.mjs', content: PROGRAM },
    { path: '/etc/sample/settings.json', content: '{}', permissions: '0640' },
    { path: '/etc/systemd/system/sample.service', content: unitText },
  ],
  runcmd: ['systemctl daemon-reload', ['systemctl', 'enable', '--now', 'sample.service']],
})}
${rest}`,
  ).toString('base64');

const describeMachine = (customData: string): MachineDescription => ({
  name: 'servers_0',
  computerName: 'servers000000',
  resourceId: '/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/servers/virtualMachines/0',
  subscriptionId: 's',
  resourceGroupName: 'g',
  location: 'westeurope',
  vmScaleSetName: 'servers',
  vmSize: 'Standard_D2s_v5',
  zone: '1',
  tags: { owner: 'team', cost: '7' },
  image: { publisher: 'Debian', offer: 'debian-12', sku: '12-gen2', version: 'latest' },
  adminUsername: 'operator',
  customData,
  identities: [IDENTITY],
});

interface Seen {
  pid: number;
  child: number;
  bare: number;
  uid: number;
  cwd: string;
  argument: string;
  STATE_DIRECTORY: string;
  CONFIGURATION_DIRECTORY: string;
  AZURE_POD_IDENTITY_AUTHORITY_HOST: string;
  GREETING: string;
}

let stateFolder: string;
let block: string;
let hosts: MachineHost[];

const openHost = async (): Promise<MachineHost> => {
  const host = new MachineHost({
    stateFolder,
    addressBlock: block,
    metadataPort: 0,
    serviceUid: 64_500,
    trustedCertificatesPem: '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n',
    tokens: {
      findIdentity: (resourceId) =>
        Promise.resolve(resourceId === IDENTITY ? { resourceId, clientId: 'client', principalId: 'principal' } : undefined),
      issueToken: (identity, resource) =>
        resource === 'api://known'
          ? Promise.resolve({
              accessToken: `token of ${identity.clientId}`,
              notBefore: 100,
              expiresOn: 400,
              expiresInSeconds: 300,
            })
          : Promise.reject(new MachineTokenRefused(`AADSTS500011: nobody is called ${resource}`)),
    },
    log: createLogger({ app: 'test', level: 'silent' }),
  });
  await host.resume();
  hosts.push(host);
  return host;
};

const boot = async (host: MachineHost, customData = cloudConfig()): Promise<Machine> => {
  const machine = await host.make(newVmId(), describeMachine(customData));
  await machine.provision();
  return machine;
};

const rootOf = (machine: Machine): string => join(stateFolder, 'machines', machine.record.vmId, 'root');

const readSeen = (machine: Machine): Promise<Seen> =>
  vi.waitFor(() => JSON.parse(readFileSync(join(rootOf(machine), 'var/lib/sample/seen.json'), 'utf8')) as Seen, {
    timeout: 10_000,
  });

const identityOf = (pid: number): ProcessIdentity => {
  const identity = identifyProcess(pid);
  if (!identity) throw new Error(`process ${pid} does not live`);
  return identity;
};

beforeEach(() => {
  stateFolder = mkdtempSync(join(tmpdir(), 'machines-'));
  block = `127.${randomInt(100, 250)}.${randomInt(0, 255)}.0/24`;
  hosts = [];
});

afterEach(async () => {
  const last = hosts.at(-1);
  for (const { record } of last?.list() ?? []) await last?.delete(record.vmId);
  rmSync(stateFolder, { recursive: true, force: true });
});

describe('a machine', () => {
  it('runs what its cloud-config writes and starts, with mapped paths and an account of its own', async () => {
    const machine = await boot(await openHost());
    expect(machine.record.provisioning).toMatchObject({ state: 'succeeded' });
    const seen = await readSeen(machine);
    const root = rootOf(machine);
    expect(seen).toMatchObject({
      argument: join(root, 'etc/sample/settings.json'),
      cwd: root,
      STATE_DIRECTORY: join(root, 'var/lib/sample'),
      CONFIGURATION_DIRECTORY: join(root, 'etc/sample'),
      GREETING: 'hello',
      AZURE_POD_IDENTITY_AUTHORITY_HOST: `http://${machine.record.address}:${machine.record.metadataPort}`,
    });
    expect(statSync(seen.STATE_DIRECTORY).mode & 0o777).toBe(0o700);
    expect(statSync(join(root, 'etc/sample/settings.json')).mode & 0o777).toBe(0o640);
    if (process.getuid?.() === 0) expect(seen.uid).toBe(64_500);
    expect(machine.readConsole()).toContain('"packages" is recorded only');
  });

  it('leaves nothing when it is deleted: no process, not even a detached one, no folder, no listener', async () => {
    const host = await openHost();
    const machine = await boot(host);
    const seen = await readSeen(machine);
    const all = [seen.pid, seen.child, seen.bare].map(identityOf);
    const { address, metadataPort, vmId } = machine.record;
    await host.delete(vmId);
    expect(all.filter(isAlive)).toEqual([]);
    expect(existsSync(join(stateFolder, 'machines', vmId))).toBe(false);
    await expect(fetch(`http://${address}:${metadataPort}/metadata/versions`)).rejects.toThrow();
    await expect(host.delete(vmId)).resolves.toBeUndefined();
  });

  it('runs on while the emulator is away and is taken over by the next one with the same processes and address', async () => {
    const first = await openHost();
    const machine = await boot(first);
    const seen = await readSeen(machine);
    await first.release();
    expect(isAlive(identityOf(seen.pid))).toBe(true);

    const second = await openHost();
    const found = second.find(machine.record.vmId);
    expect(found?.record).toMatchObject({ address: machine.record.address, metadataPort: machine.record.metadataPort });
    expect(found?.record.services['sample.service']?.process?.pid).toBe(seen.pid);
    const answer = await fetch(
      `${seen.AZURE_POD_IDENTITY_AUTHORITY_HOST}/metadata/instance/compute/vmId?api-version=2021-02-01`,
      {
        headers: { Metadata: 'true' },
      },
    );
    expect(await answer.text()).toBe(machine.record.vmId);
  });

  it('finds the main process of a start whose pid was never written down', async () => {
    const first = await openHost();
    const machine = await boot(first);
    const seen = await readSeen(machine);
    await first.release();
    const file = join(stateFolder, 'machines', machine.record.vmId, 'machine.json');
    const stored = JSON.parse(readFileSync(file, 'utf8')) as { services: Record<string, { process?: unknown }> };
    delete stored.services['sample.service']?.process;
    writeFileSync(file, JSON.stringify(stored));
    const second = await openHost();
    expect(second.find(machine.record.vmId)?.record.services['sample.service']?.process?.pid).toBe(seen.pid);
  });

  it('starts again a service with Restart=always that died, whether the emulator saw it or not', async () => {
    const first = await openHost();
    const machine = await boot(first, cloudConfig(unit('Restart=always\nRestartSec=10ms')));
    const before = await readSeen(machine);
    signalProcess(before.pid, 'SIGKILL');
    const restarted = await vi.waitFor(
      async () => {
        const now = await readSeen(machine);
        expect(now.pid).not.toBe(before.pid);
        return now;
      },
      { timeout: 10_000 },
    );
    await first.release();
    signalProcess(restarted.pid, 'SIGKILL');
    await vi.waitFor(() => expect(identifyProcess(restarted.pid)).toBeUndefined());
    const second = await openHost();
    const taken = second.find(machine.record.vmId);
    await vi.waitFor(() => expect(taken?.record.services['sample.service']).toMatchObject({ state: 'active', restarts: 2 }), {
      timeout: 10_000,
    });
  });

  it('leaves the children of a stopped KillMode=process service alive and ends those of a control group', async () => {
    const host = await openHost();
    const left = await boot(host, cloudConfig(unit('Restart=always')));
    const seen = await readSeen(left);
    signalProcess(seen.pid, 'SIGKILL');
    await vi.waitFor(async () => expect((await readSeen(left)).pid).not.toBe(seen.pid), { timeout: 10_000 });
    expect(identifyProcess(seen.child)).toBeDefined();

    const grouped = await boot(host, cloudConfig(unit().replace('KillMode=process\n', '')));
    const group = await readSeen(grouped);
    signalProcess(group.pid, 'SIGKILL');
    await vi.waitFor(() => expect(identifyProcess(group.child)).toBeUndefined(), { timeout: 10_000 });
    // The state is written only when the whole group is gone.
    await vi.waitFor(() => expect(grouped.record.services['sample.service']).toMatchObject({ state: 'failed' }));
  });

  it('gives up on a service that ends at once every time', async () => {
    const host = await openHost();
    const crashing = unit('Restart=always\nRestartSec=1ms').replace('/etc/sample/settings.json', '');
    const machine = await boot(host, cloudConfig(crashing.replace('/opt/sample/program.mjs', '/opt/sample/missing.mjs')));
    await vi.waitFor(() => expect(machine.record.services['sample.service']).toMatchObject({ state: 'failed', restarts: 4 }), {
      timeout: 20_000,
    });
    expect(machine.readConsole()).toContain('start request repeated too quickly');
  });

  it('keeps its disk and boots what is enabled through power off, deallocation and restart', async () => {
    const machine = await boot(await openHost());
    const { pid, child, bare } = await readSeen(machine);
    await machine.deallocate();
    expect(machine.record.power).toBe('deallocated');
    expect([pid, child, bare].map(identifyProcess)).toEqual([undefined, undefined, undefined]);
    await machine.start();
    await vi.waitFor(async () => expect((await readSeen(machine)).pid).not.toBe(pid), { timeout: 10_000 });
    await machine.powerOff();
    expect([machine.record.power, machine.processes()]).toEqual(['stopped', []]);
    await machine.restart();
    expect(machine.record.power).toBe('running');
    await vi.waitFor(() => expect(machine.processes().length).toBeGreaterThan(0));
  });

  it('loses its disk when it is reimaged, and boots for the first time again at the same address', async () => {
    const machine = await boot(await openHost());
    const before = await readSeen(machine);
    const { address } = machine.record;
    await machine.reimage();
    const after = await readSeen(machine);
    expect(after.pid).not.toBe(before.pid);
    expect(machine.record).toMatchObject({ address, provisioning: { state: 'succeeded' } });
  });

  it('goes down with the emulator when told to, and comes back with the next', async () => {
    const first = await openHost();
    const machine = await boot(first);
    const before = await readSeen(machine);
    await first.shutDown();
    await first.release();
    expect(machine.processes()).toEqual([]);
    const second = await openHost();
    const found = second.find(machine.record.vmId);
    await vi.waitFor(async () => expect((await readSeen(machine)).pid).not.toBe(before.pid), { timeout: 10_000 });
    expect(found?.record.power).toBe('running');
  });

  it('fails its provisioning with a sentence when its cloud-config asks for what is not run', async () => {
    const machine = await boot(await openHost(), cloudConfig(unit('ExecStartPre=/bin/true')));
    expect(machine.record.provisioning).toMatchObject({
      state: 'failed',
      error: expect.stringContaining('[Service] ExecStartPre='),
    });
    const missingUser = await boot(hosts[0] as MachineHost, cloudConfig(unit().replace('User=consul', 'User=nomad')));
    expect(missingUser.record.provisioning.error).toContain('User=nomad does not exist on the machine');
    expect(machine.readConsole()).toContain('ERROR');
  });

  it('gives every machine an address of its own and does not give a deleted one again at once', async () => {
    const host = await openHost();
    const machines = await Promise.all([1, 2, 3].map(() => host.make(newVmId(), describeMachine(''))));
    const addresses = machines.map(({ record }) => record.address);
    expect(new Set(addresses).size).toBe(3);
    await host.delete(machines[2]?.record.vmId ?? '');
    const next = await host.make(newVmId(), describeMachine(''));
    expect(addresses).not.toContain(next.record.address);
  });

  it('never counts a process of another machine as its own', async () => {
    const host = await openHost();
    const [one, two] = [await boot(host), await boot(host)];
    const [first, second] = [await readSeen(one), await readSeen(two)];
    expect(one.processes().sort()).toEqual([first.pid, first.child, first.bare].sort());
    await host.delete(one.record.vmId);
    expect(two.processes().sort()).toEqual([second.pid, second.child, second.bare].sort());
  });
});

describe('the metadata service of a machine', () => {
  const ask = async (path: string, headers: Record<string, string> = { Metadata: 'true' }) => {
    const machine = hosts[0]?.list()[0] ?? (await (await openHost()).make(newVmId(), describeMachine('')));
    const answer = await fetch(`http://${machine.record.address}:${machine.record.metadataPort}${path}`, { headers });
    const text = await answer.text();
    return { status: answer.status, text, json: () => JSON.parse(text) as Record<string, unknown>, record: machine.record };
  };

  it('tells the machine who it is', async () => {
    const answer = await ask('/metadata/instance?api-version=2021-02-01');
    expect(answer.json()).toMatchObject({
      compute: {
        name: 'servers_0',
        vmId: answer.record.vmId,
        location: 'westeurope',
        resourceGroupName: 'g',
        subscriptionId: 's',
        vmScaleSetName: 'servers',
        zone: '1',
        tags: 'owner:team;cost:7',
        customData: '',
        virtualMachineScaleSet: {
          id: '/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/servers',
        },
      },
      network: { interface: [{ ipv4: { ipAddress: [{ privateIpAddress: answer.record.address }] } }] },
    });
  });

  it('walks paths, gives leaves as text and branches as a list of names', async () => {
    const base = '/metadata/instance';
    expect((await ask(`${base}/compute/location?api-version=2021-02-01&format=text`)).text).toBe('westeurope');
    expect((await ask(`${base}?api-version=2021-02-01&format=text`)).text).toBe('compute/\nnetwork/');
    const address = await ask(`${base}/network/interface/0/ipv4/ipAddress/0/privateIpAddress?api-version=2021-02-01&format=text`);
    expect(address.text).toBe(address.record.address);
    expect((await ask(`${base}/compute/nothing?api-version=2021-02-01`)).status).toBe(404);
  });

  it('refuses a request without the Metadata header, without an api-version, or that was forwarded', async () => {
    expect((await ask('/metadata/instance?api-version=2021-02-01', {})).status).toBe(400);
    expect((await ask('/metadata/instance')).json()).toHaveProperty('newest-versions');
    expect(
      (await ask('/metadata/instance?api-version=2021-02-01', { Metadata: 'true', 'X-Forwarded-For': '1.2.3.4' })).status,
    ).toBe(400);
    const token = await ask('/metadata/identity/oauth2/token?api-version=2018-02-01&resource=api://known', {});
    expect(token.json()).toMatchObject({ error: 'invalid_request' });
  });

  it('hands out tokens of the identity, however it is named, as text fields', async () => {
    const base = '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=api://known';
    for (const choice of [
      '',
      '&client_id=CLIENT',
      '&object_id=principal',
      `&mi_res_id=${encodeURIComponent(IDENTITY.toUpperCase())}`,
    ]) {
      expect((await ask(base + choice)).json()).toEqual({
        access_token: 'token of client',
        client_id: 'client',
        expires_in: '300',
        expires_on: '400',
        ext_expires_in: '300',
        not_before: '100',
        resource: 'api://known',
        token_type: 'Bearer',
      });
    }
  });

  it('refuses a token for an unknown audience, an identity that the machine does not have, and no audience', async () => {
    const base = '/metadata/identity/oauth2/token?api-version=2018-02-01';
    expect(await ask(`${base}&resource=api://unknown`)).toMatchObject({
      status: 400,
      text: expect.stringContaining('invalid_resource'),
    });
    expect(await ask(`${base}&resource=api://known&client_id=other`)).toMatchObject({
      status: 400,
      text: expect.stringContaining('Identity not found'),
    });
    expect(await ask(base)).toMatchObject({ status: 400, text: expect.stringContaining("'resource' is missing") });
  });
});
