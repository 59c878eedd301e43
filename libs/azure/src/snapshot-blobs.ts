import { BlobSASPermissions, BlobServiceClient, SASProtocol, type ContainerClient } from '@azure/storage-blob';
import type { AzureConnection } from './connection';
import { callAzure, findInAzure } from './errors';

/** Where a blob is. */
export interface BlobPlace {
  /** Blob endpoint of the storage account, as Azure names it. */
  endpoint: string;
  container: string;
  /** Name of the blob; may hold `/`. */
  name: string;
}

/** What Azure stores of a blob. */
export interface BlobFacts {
  sizeBytes: number;
}

/** Clocks of machines differ: what is signed now counts from then on. */
const SLACK_MS = 5 * 60_000;

/** A signing key of the service; links that are signed with it end with it at the latest. */
interface SigningKey {
  expiresOn: Date;
  key: Awaited<ReturnType<BlobServiceClient['getUserDelegationKey']>>;
}

/** How long a signing key is asked for: many links share one. Azure allows seven days. */
const SIGNING_KEY_MS = 2 * 60 * 60_000;

/** Blobs in the customers' storage accounts, with the service's own identity: no key of any account is ever read. */
export class SnapshotBlobs {
  readonly #connection: AzureConnection;
  readonly #services = new Map<string, BlobServiceClient>();
  readonly #keys = new Map<string, SigningKey>();

  constructor(connection: AzureConnection) {
    this.#connection = connection;
  }

  /** Address of a blob, for whoever has a right of its own to it. */
  urlOf(place: BlobPlace): string {
    return this.#container(place).getBlobClient(place.name).url;
  }

  /** Undefined when there is no such blob, container or account. */
  async find(place: BlobPlace, abortSignal?: AbortSignal): Promise<BlobFacts | undefined> {
    const found = await findInAzure('read a stored snapshot', () =>
      this.#container(place)
        .getBlobClient(place.name)
        .getProperties({ ...(abortSignal ? { abortSignal } : {}) }),
    );
    return found && { sizeBytes: found.contentLength ?? 0 };
  }

  /** Removes every blob whose name begins with `prefix`; gone already is fine. Gives how many there were. */
  async removeAll(place: Omit<BlobPlace, 'name'> & { prefix: string }, abortSignal?: AbortSignal): Promise<number> {
    const container = this.#container(place);
    const options = { ...(abortSignal ? { abortSignal } : {}) };
    const removed = await findInAzure('remove a stored snapshot', async () => {
      let count = 0;
      for await (const { name } of container.listBlobsFlat({ prefix: place.prefix, includeUncommitedBlobs: true, ...options })) {
        await container.getBlobClient(name).deleteIfExists({ deleteSnapshots: 'include', ...options });
        count += 1;
      }
      return count;
    });
    return removed ?? 0;
  }

  /**
   * A link that lets its holder read one blob until `expiresAt`, signed with a key that Azure gave to the service for its own
   * identity ("user delegation"): taking the service's role away ends the link.
   */
  async readLink(place: BlobPlace, { now, expiresAt }: { now: Date; expiresAt: Date }): Promise<string> {
    const { key } = await this.#signingKey(place, now, expiresAt);
    return this.#container(place)
      .getBlobClient(place.name)
      .generateUserDelegationSasUrl(
        {
          permissions: BlobSASPermissions.from({ read: true }),
          startsOn: new Date(now.getTime() - SLACK_MS),
          expiresOn: expiresAt,
          protocol: SASProtocol.Https,
        },
        key,
      );
  }

  async #signingKey(place: Omit<BlobPlace, 'name'>, now: Date, expiresAt: Date): Promise<SigningKey> {
    const known = this.#keys.get(place.endpoint);
    if (known && known.expiresOn >= expiresAt) return known;
    const expiresOn = new Date(Math.max(expiresAt.getTime(), now.getTime() + SIGNING_KEY_MS));
    const key = await callAzure('sign a link to a snapshot', () =>
      this.#service(place).getUserDelegationKey(new Date(now.getTime() - SLACK_MS), expiresOn),
    );
    const fresh = { key, expiresOn };
    this.#keys.delete(place.endpoint);
    this.#keys.set(place.endpoint, fresh);
    forgetOldest(this.#keys);
    return fresh;
  }

  #container(place: Omit<BlobPlace, 'name'>): ContainerClient {
    return this.#service(place).getContainerClient(place.container);
  }

  #service({ endpoint }: Pick<BlobPlace, 'endpoint'>): BlobServiceClient {
    const known = this.#services.get(endpoint);
    if (known) return known;
    const { credential, callTimeout } = this.#connection;
    const service = new BlobServiceClient(endpoint, credential, {
      retryOptions: { maxTries: 1, tryTimeoutInMs: callTimeout },
    });
    this.#services.set(endpoint, service);
    forgetOldest(this.#services);
    return service;
  }
}

/** Storage accounts whose client or key is kept; one a cluster, so that memory does not grow with the fleet. */
const KEPT = 200;

function forgetOldest(map: Map<string, unknown>): void {
  const [oldest] = map.keys();
  if (map.size > KEPT && oldest !== undefined) map.delete(oldest);
}
