import { Inject, Injectable } from '@nestjs/common';
import { answerOnce, type RepeatableRequest, type Requester, type StoredAnswer } from '@managed-consul/access';
import type { ClientBundleBody } from '@managed-consul/api-contract';
import { readClientBundle, requestRootToken, rootTokenPurpose, secretOwnerOf } from '@managed-consul/clusters';
import { AppError } from '@managed-consul/errors';
import { API_SERVICES, type ApiServices } from '../api-services';
import { showOperation } from '../operations/operation.view';
import { writeBundle } from './client-bundle.files';

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
   * kept there.
   */
  async createRootToken(
    requester: Requester,
    clusterId: string,
    repeatable: RepeatableRequest | undefined,
  ): Promise<RootTokenAnswer> {
    const { database, secrets, bell, clock } = this.#services;
    const answer = await answerOnce(database, requester, repeatable, async (tx): Promise<StoredAnswer> => {
      const { accessorId, operation } = await requestRootToken(tx, secrets, { requester, clusterId }, clock);
      return { status: 202, body: { operation: showOperation(operation), accessorId } };
    });
    const { operation, accessorId } = answer.body as unknown as { operation: { id: string }; accessorId: string };
    void bell.ring({ id: operation.id, wakeNumber: 0 });
    const secretId = await secrets.find(secretOwnerOf(clusterId), rootTokenPurpose(accessorId));
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
