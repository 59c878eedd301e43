/** The parts of Azurite's blob server that are used; the package ships no types. Version 3.37. */
declare module 'azurite/dist/src/blob/BlobConfiguration.js' {
  export default class BlobConfiguration {
    constructor(
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
      certificate: string,
      key: string,
      password: string,
      oauth: 'basic',
      disableProductStyleUrl: boolean,
    );
  }
}

declare module 'azurite/dist/src/blob/BlobServer.js' {
  import { type Server } from 'node:http';
  import type BlobConfiguration from 'azurite/dist/src/blob/BlobConfiguration.js';

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

  export default class BlobServer {
    constructor(configuration: BlobConfiguration);
    readonly httpServer: Server;
    readonly metadataStore: AzuriteMetadataStore;
    readonly accountDataStore: { getAccount(name: string): AzuriteAccount | undefined };
    start(): Promise<void>;
    close(): Promise<void>;
  }
}
