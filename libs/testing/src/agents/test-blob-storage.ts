import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import {
  BlobSASPermissions,
  BlobServiceClient,
  newPipeline,
  StorageSharedKeyCredential,
  type BlockBlobClient,
} from '@azure/storage-blob';
import { hours, seconds } from '@managed-consul/config';
import { freePort } from '../../../../tools/processes/free-port';
import { stopProcess } from '../../../../tools/processes/stop-process';
import { until } from '../until';
import type { AgentTestBed } from './agent-test-bed';

/** Azurite's own account: https://github.com/Azure/Azurite#default-storage-account */
const ACCOUNT = 'devstoreaccount1';
const KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

/** A blob service over TLS that takes bearer tokens, and one container in it. */
export interface TestBlobStorage {
  /** A blob of the container, with all rights on it. */
  blob(name: string): BlockBlobClient;
  /** An address by which anybody may read the blob. */
  readUrl(name: string): Promise<string>;
  close(): Promise<void>;
}

/** Starts Azurite with the certificate of the bed's gateways, which this process trusts from then on. */
export async function startTestBlobStorage(bed: AgentTestBed): Promise<TestBlobStorage> {
  const port = await freePort();
  const program = createRequire(import.meta.url).resolve('azurite/dist/src/blob/main.js');
  const tls = ['--cert', join(bed.folder, 'gateway.pem'), '--key', join(bed.folder, 'gateway-key.pem'), '--oauth', 'basic'];
  const place = ['--blobPort', String(port), '--inMemoryPersistence', '--skipApiVersionCheck', '--silent', '--disableTelemetry'];
  const child = spawn(process.execPath, [program, ...place, ...tls], { cwd: bed.folder, stdio: 'ignore' });
  const credential = new StorageSharedKeyCredential(ACCOUNT, KEY);
  setDefaultCACertificates([...getCACertificates('default'), bed.gatewayCaPem]);
  // A kept-open connection that Azurite closes at that moment costs a try.
  const pipeline = newPipeline(credential, { retryOptions: { maxTries: 4, retryDelayInMs: 50, maxRetryDelayInMs: 500 } });
  const service = new BlobServiceClient(`https://127.0.0.1:${port}/${ACCOUNT}`, pipeline);
  const container = service.getContainerClient(randomUUID());
  await until(() => container.createIfNotExists().then(() => true), { within: seconds(30), because: 'Azurite answers' });
  const blob = (name: string) => container.getBlockBlobClient(name);
  return {
    blob,
    readUrl: (name) =>
      blob(name).generateSasUrl({ permissions: BlobSASPermissions.parse('r'), expiresOn: new Date(Date.now() + hours(1)) }),
    close: () => stopProcess(child),
  };
}
