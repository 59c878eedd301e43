import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type ServerCertificate } from '../server/certificate-authority';
import {
  type AzuriteAccount,
  type AzuriteBlobServer,
  type AzuriteContainer,
  type AzuriteContext,
  type BlobConfigurationClass,
  type BlobServerClass,
} from './azurite.types';

export interface BlobServiceOptions {
  readonly host: string;
  readonly port: number;
  readonly folder: string;
  readonly certificate: ServerCertificate;
  /** Account by name, as it stands now; undefined when Resource Manager knows none. */
  readonly findAccount: (name: string) => AzuriteAccount | undefined;
  /** Looks at each request first: false means that it was answered. */
  readonly guard: (request: IncomingMessage, response: ServerResponse) => Promise<boolean>;
}

const KEEP_ALIVE_SECONDS = 30;
const MAX_CONTAINERS = 5000;

/** Azurite's blob server inside this process: real blobs, of the accounts that Resource Manager has at that moment. */
export class BlobService {
  readonly #server: AzuriteBlobServer;
  readonly #options: BlobServiceOptions;

  constructor(options: BlobServiceOptions) {
    this.#options = options;
    const { folder, certificate, host, port } = options;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const certificateFile = join(folder, 'certificate.pem');
    const keyFile = join(folder, 'key.pem');
    writeFileSync(certificateFile, certificate.certificatePem);
    writeFileSync(keyFile, certificate.keyPem, { mode: 0o600 });
    // Loaded late: Azurite is half of the emulator's start and only this service needs it.
    const require = createRequire(import.meta.url);
    const { default: BlobConfiguration } = require('azurite/dist/src/blob/BlobConfiguration.js') as {
      default: BlobConfigurationClass;
    };
    const { default: BlobServer } = require('azurite/dist/src/blob/BlobServer.js') as { default: BlobServerClass };
    const configuration = new BlobConfiguration(
      host,
      port,
      KEEP_ALIVE_SECONDS,
      join(folder, 'blobs.json'),
      join(folder, 'extents.json'),
      [{ locationId: 'Default', locationPath: join(folder, 'extents'), maxConcurrency: 50 }],
      false,
      undefined,
      false,
      undefined,
      true,
      true,
      certificateFile,
      keyFile,
      '',
      'basic',
      true,
    );
    this.#server = new BlobServer(configuration);
    this.#server.accountDataStore.getAccount = (name) => options.findAccount(name);
    this.#putGuardInFront();
  }

  async start(): Promise<void> {
    await this.#server.start();
  }

  async stop(): Promise<void> {
    await this.#server.close();
  }

  /** `https://host:port/{account}/`; known once it listens. */
  endpointOf(account: string): string {
    const { port } = this.#server.httpServer.address() as AddressInfo;
    return `https://${this.#options.host}:${port}/${account}/`;
  }

  async listContainers(account: string): Promise<readonly AzuriteContainer[]> {
    const [containers] = await this.#server.metadataStore.listContainers(newContext(), account, '', MAX_CONTAINERS, '');
    return containers;
  }

  async createContainer(account: string, name: string): Promise<void> {
    await this.#server.metadataStore.createContainer(newContext(), {
      accountName: account,
      name,
      properties: {
        etag: `"0x${Date.now().toString(16).toUpperCase()}"`,
        lastModified: new Date(),
        leaseStatus: 'unlocked',
        leaseState: 'available',
        hasImmutabilityPolicy: false,
        hasLegalHold: false,
      },
    });
  }

  /** With every blob in it. */
  async deleteContainer(account: string, name: string): Promise<void> {
    await this.#server.metadataStore.deleteContainer(newContext(), account, name);
  }

  async deleteAccountData(account: string): Promise<void> {
    for (const { name } of await this.listContainers(account)) await this.deleteContainer(account, name);
  }

  #putGuardInFront(): void {
    const server = this.#server.httpServer;
    const [azurite] = server.listeners('request') as RequestListener[];
    if (!azurite) throw new Error('Azurite has no request listener: its version does not fit');
    server.removeAllListeners('request');
    server.on('request', (request, response) => {
      this.#options.guard(request, response).then(
        (isAllowed) => {
          if (isAllowed) azurite(request, response);
        },
        (error: unknown) => response.destroy(error instanceof Error ? error : undefined),
      );
    });
  }
}

const newContext = (): AzuriteContext => ({ contextId: randomUUID(), startTime: new Date() });
