import { type Server } from 'node:http';

/** The parts of Azurite's blob server (3.37) that are used; the package ships no types. */
export type BlobConfigurationClass = new (
  host: string,
  port: number,
  keepAliveTimeoutSeconds: number,
  metadataDatabasePath: string,
  extentDatabasePath: string,
  persistence: readonly { locationId: string; locationPath: string; maxConcurrency: number }[],
  enableAccessLog: boolean,
  accessLogWriteStream: undefined,
  enableDebugLog: boolean,
  debugLogFilePath: undefined,
  loose: boolean,
  skipApiVersionCheck: boolean,
  certificateFile: string,
  keyFile: string,
  password: string,
  oauth: 'basic',
  disableProductStyleUrl: boolean,
) => object;

export interface AzuriteAccount {
  name: string;
  key1: Buffer;
  key2: Buffer;
}

export interface AzuriteContext {
  contextId: string;
  startTime: Date;
}

export interface AzuriteContainer {
  accountName: string;
  name: string;
  metadata?: Record<string, string>;
  properties: {
    etag: string;
    lastModified: Date;
    leaseStatus: string;
    leaseState: string;
    hasImmutabilityPolicy: boolean;
    hasLegalHold: boolean;
  };
}

export interface AzuriteMetadataStore {
  listContainers(
    context: AzuriteContext,
    account: string,
    prefix: string,
    maximum: number,
    marker: string,
  ): Promise<[AzuriteContainer[], string?]>;
  createContainer(context: AzuriteContext, container: AzuriteContainer): Promise<unknown>;
  deleteContainer(context: AzuriteContext, account: string, container: string): Promise<unknown>;
}

export interface AzuriteBlobServer {
  readonly httpServer: Server;
  readonly metadataStore: AzuriteMetadataStore;
  readonly accountDataStore: { getAccount(name: string): AzuriteAccount | undefined };
  start(): Promise<void>;
  close(): Promise<void>;
}

export type BlobServerClass = new (configuration: object) => AzuriteBlobServer;
