import { Inject, Injectable } from '@nestjs/common';
import { answerOnce, type RepeatableRequest, type Requester, type StoredAnswer } from '@managed-consul/access';
import type { ClientBundleBody } from '@managed-consul/api-contract';
import {
  getCluster,
  readClientBundle,
  requestRootToken,
  rootTokenPurpose,
  secretOwnerOf,
  type RequestedRootToken,
  writeBundle,
} from '@managed-consul/clusters';
import { AppError } from '@managed-consul/errors';
import { API_SERVICES, type ApiServices } from '../api-services';
import { showOperation } from '../operations/operation.view';

interface RootTokenAnswer {
  operation: { id: string };
  rootToken: { accessorId: string; secretId: string };
}

/** Hands out what gives access to a cluster: root tokens and client bundles. */
@Injectable()
export class ClientAccessService {
  readonly #services: ApiServices;

  constructor(@Inject(API_SERVICES) services: ApiServices) {
    this.#services = services;
  }

  /**
   * Asks for a root token. The stored answer holds no secret: a repetition gets it from its sealed place, as long as it is
   * kept there. Throws ResourceNotFound and AuthorizationFailed for a repetition as for the first request.
   */
  async createRootToken(
    requester: Requester,
    clusterId: string,
    repeatable: RepeatableRequest | undefined,
  ): Promise<RootTokenAnswer> {
    const { database, secrets, bell, clock } = this.#services;
    // Looked at before any stored answer: a repetition is shown the secret, and the role may be gone since.
    await getCluster(database.prisma, requester, clusterId, { needed: 'Contributor' });
    let drawn: RequestedRootToken | undefined;
    const answer = await answerOnce(database, requester, repeatable, async (tx): Promise<StoredAnswer> => {
      drawn = await requestRootToken(tx, secrets, { requester, clusterId }, clock);
      const { accessorId, operation } = drawn;
      return { status: 202, body: { operation: showOperation(operation), accessorId } };
    });
    const { operation, accessorId } = answer.body as unknown as { operation: { id: string }; accessorId: string };
    void bell.ring({ id: operation.id, wakeNumber: 0 });
    // The operation that the bell starts ends with the deletion of the sealed secret, perhaps before this line.
    const isNew = drawn?.accessorId === accessorId;
    const secretId = isNew ? drawn?.secretId : await secrets.find(secretOwnerOf(clusterId), rootTokenPurpose(accessorId));
    if (!secretId) {
      throw new AppError(
        'Conflict',
        'The secret of this root token was shown before and is kept no longer. Make a new root token.',
      );
    }
    return { operation, rootToken: { accessorId, secretId: secretId.reveal() } };
  }

  async readBundle(requester: Requester, clusterId: string): Promise<ClientBundleBody> {
    const { database, secrets } = this.#services;
    return writeBundle(await readClientBundle(database, secrets, { requester, clusterId }));
  }
}
