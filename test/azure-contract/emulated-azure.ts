/** An Azure emulator as a process of its own, which a test can kill like any other, and the customer who uses it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { ResourceManagementClient } from '@azure/arm-resources';
import { ClientSecretCredential } from '@azure/identity';
import { seconds } from '@managed-consul/config';
import { until } from '@managed-consul/testing';
import { groupName, liveAzure } from './live-azure';

const ROOT = resolve(import.meta.dirname, '../..');

export const TENANT = liveAzure?.tenantId ?? 'aaaaaaaa-0000-4000-8000-000000000001';
export const SUBSCRIPTION = liveAzure?.subscriptionId ?? 'aaaaaaaa-0000-4000-8000-000000000002';
export const AUDIENCE = 'api://contract';
export const OWNER = {
  clientId: liveAzure?.clientId ?? 'aaaaaaaa-0000-4000-8000-000000000003',
  objectId: liveAzure?.objectId ?? 'aaaaaaaa-0000-4000-8000-000000000004',
  secret: liveAzure?.clientSecret ?? 'owner-secret',
};

/** What the emulator holds before anybody calls it, as its seed file has it: lists by name. The emulator checks it. */
type SeedFile = Readonly<Record<string, readonly object[]>>;

const SEED = {
  tenants: [{ tenantId: TENANT, displayName: 'Contract' }],
  applications: [
    {
      applicationId: 'aaaaaaaa-0000-4000-8000-000000000005',
      displayName: 'Contract API',
      tenantId: TENANT,
      identifierUris: [AUDIENCE],
    },
  ],
  servicePrincipals: [
    { objectId: OWNER.objectId, applicationId: OWNER.clientId, tenantId: TENANT, displayName: 'owner', secret: OWNER.secret },
  ],
  subscriptions: [{ subscriptionId: SUBSCRIPTION, tenantId: TENANT, displayName: 'Contract', regions: ['westeurope'] }],
  roleAssignments: [{ scope: `/subscriptions/${SUBSCRIPTION}`, role: 'Owner', principalId: OWNER.objectId }],
};

/** How a call goes wrong; see the emulator's faults. */
export interface Fault {
  method?: string;
  path?: string;
  count?: number;
  effect: Record<string, unknown>;
}

/** Starts, kills and asks one emulator on one folder. When the suite is aimed at a subscription there is none, only its clients. */
export class EmulatedAzure {
  readonly #seed: SeedFile;
  readonly stateFolder = mkdtempSync(join(tmpdir(), 'azure-contract-'));
  readonly #addresses = `127.${randomInt(100, 250)}.${randomInt(0, 255)}.0/24`;
  #process: ChildProcess | undefined;
  #port = '0';
  #proxy = '';
  #caFile = '';

  /** `more` is added to the owner and the subscription that are always there. */
  constructor(more: SeedFile = {}) {
    const { servicePrincipals = [], ...rest } = more;
    this.#seed = { ...SEED, ...rest, servicePrincipals: [...SEED.servicePrincipals, ...servicePrincipals] };
  }

  get endpoint(): string {
    return liveAzure?.endpoint ?? `https://127.0.0.1:${this.#port}`;
  }

  /** Where tokens come from. */
  get authority(): string {
    return liveAzure?.authority ?? this.endpoint;
  }

  /** `http://host:port` of its proxy, and the file with the authority that clients must trust. */
  get proxy(): { url: string; caFile: string } {
    return { url: this.#proxy, caFile: this.#caFile };
  }

  /** Starts the emulator's own program and waits until it answers. The first start takes free ports, later ones the same. */
  async start(): Promise<void> {
    if (liveAzure) return;
    writeFileSync(join(this.stateFolder, 'seed.json'), JSON.stringify(this.#seed));
    const child = spawn(process.execPath, ['--import', 'tsx', join(ROOT, 'apps/azure-emulator/src/main.ts')], {
      cwd: ROOT,
      env: {
        PATH: process.env['PATH'] ?? '',
        TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.base.json'),
        EMULATOR_PORT: this.#port,
        EMULATOR_BLOB_PORT: '0',
        EMULATOR_PROXY_PORT: '0',
        EMULATOR_INSTANCE_METADATA_PORT: '0',
        EMULATOR_MACHINE_ADDRESS_BLOCK: this.#addresses,
        EMULATOR_STATE_FOLDER: this.stateFolder,
        EMULATOR_SEED_FILE: join(this.stateFolder, 'seed.json'),
        EMULATOR_RETRY_AFTER_SECONDS: '0',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (output += text.toString()));
    const ready = await until(
      () => {
        if (child.exitCode !== null) throw new Error(`the emulator ended: ${output}`);
        return output.split('\n').find((line) => line.includes('"endpoint":"https://'));
      },
      { within: seconds(30), because: 'the emulator says where it listens' },
    );
    const { endpoint, proxy, caFile } = JSON.parse(ready) as { endpoint: string; proxy: string; caFile: string };
    this.#port = new URL(endpoint).port;
    this.#proxy = proxy;
    this.#caFile = caFile;
    setDefaultCACertificates([...getCACertificates('default'), readFileSync(caFile, 'utf8')]);
    await until(async () => (await fetch(`${this.endpoint}/_emulator/healthz`)).ok, {
      within: seconds(30),
      because: 'the emulator is ready',
    });
  }

  /** As if the machine that it runs on had lost it: no warning, nothing finished. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Ends the emulator together with its machines, which the next start boots. */
  async stopWithMachines(): Promise<void> {
    await this.#end('SIGINT');
  }

  /** Ends everything and removes the folder; in a subscription, the resource groups with these names of the suite. */
  async dispose(...groups: readonly string[]): Promise<void> {
    if (liveAzure) await this.#removeGroups(groups.map(groupName));
    await this.stopWithMachines();
    rmSync(this.stateFolder, { recursive: true, force: true });
  }

  /** Options of every Azure client, and who calls. */
  client(): { credential: ClientSecretCredential; options: { endpoint: string; credentialScopes: string[] } } {
    const credential = new ClientSecretCredential(TENANT, OWNER.clientId, OWNER.secret, {
      authorityHost: this.authority,
      disableInstanceDiscovery: true,
    });
    return { credential, options: { endpoint: this.endpoint, credentialScopes: [`${this.endpoint}/.default`] } };
  }

  /** Switches a fault on; the function switches it off and lets go what it holds. */
  async addFault(fault: Fault): Promise<() => Promise<void>> {
    const { id } = (await this.#control('POST', '/_emulator/faults', fault)) as { id: string };
    return async () => {
      await this.#control('DELETE', `/_emulator/faults/${id}`);
    };
  }

  /** Names of the folders of machines; the emulator's own begin with a dot. */
  machineFolders(): string[] {
    const folder = join(this.stateFolder, 'machines');
    return existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith('.')) : [];
  }

  /** What each machine remembers of its services. */
  machineServices(): Record<string, { state: string } | undefined>[] {
    return this.machineFolders().map((vmId) => {
      const record = readFileSync(join(this.stateFolder, 'machines', vmId, 'machine.json'), 'utf8');
      return (JSON.parse(record) as { services: Record<string, { state: string }> }).services;
    });
  }

  async #removeGroups(groups: readonly string[]): Promise<void> {
    const { credential, options } = this.client();
    const scopes = { credentials: { scopes: options.credentialScopes } };
    const { resourceGroups } = new ResourceManagementClient(credential, SUBSCRIPTION, { ...options, ...scopes });
    for (const group of groups) {
      const { body } = await resourceGroups.checkExistence(group);
      if (body) await resourceGroups.beginDeleteAndWait(group);
    }
  }

  async #control(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${this.endpoint}${path}`, {
      method,
      ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
    });
    const text = await answer.text();
    return text === '' ? undefined : JSON.parse(text);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
}
