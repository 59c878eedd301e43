import { Inject, Injectable } from '@nestjs/common';
import { answerOnce, type Requester } from '@managed-consul/access';
import type { ClusterBody } from '@managed-consul/api-contract';
import { getCluster, lockCluster, requireMatch } from '@managed-consul/clusters';
import { deferUpgrades, listVersionsForUpgrade, previewUpgrade, requestUpgrade } from '@managed-consul/upgrades';
import { API_SERVICES, type ApiServices } from '../api-services';
import { ClustersService } from '../clusters/clusters.service';
import { RequestsService, type SentRequest } from '../operations/requests.service';
import type { AcceptedAnswer } from '../operations/starts-operation';
import { showUpgradePreview, showUpgradeVersion } from './upgrade.view';

/** Turns requests about a cluster's Consul version into the domain's requests. */
@Injectable()
export class UpgradesService {
  readonly #services: ApiServices;
  readonly #requests: RequestsService;
  readonly #clusters: ClustersService;

  constructor(
    @Inject(API_SERVICES) services: ApiServices,
    @Inject(RequestsService) requests: RequestsService,
    @Inject(ClustersService) clusters: ClustersService,
  ) {
    this.#services = services;
    this.#requests = requests;
    this.#clusters = clusters;
  }

  async versions(requester: Requester, clusterId: string) {
    const versions = await listVersionsForUpgrade(this.#services.database.prisma, requester, clusterId);
    return versions.map(showUpgradeVersion);
  }

  async preview(caller: Requester, clusterId: string, consulVersion: string) {
    const { database, clock } = this.#services;
    const wish = { caller, clusterId, consulVersion };
    return showUpgradePreview(await database.prisma.$transaction((tx) => previewUpgrade(tx, wish, clock)));
  }

  upgrade(sent: SentRequest, clusterId: string, consulVersion: string): Promise<AcceptedAnswer> {
    const { requester } = sent;
    return this.#requests.onCluster(sent, clusterId, async (tx) => ({
      operation: await requestUpgrade(tx, { requester, clusterId, consulVersion }, this.#services.clock),
    }));
  }

  /** Puts automatic upgrades off, or with null ends that, and gives the cluster as it is then. */
  async defer({ requester, repeatable, ifMatch }: SentRequest, clusterId: string, until: Date | null): Promise<ClusterBody> {
    const { database, clock } = this.#services;
    await getCluster(database.prisma, requester, clusterId, { needed: 'Contributor', deleted: repeatable !== undefined });
    const answer = await answerOnce(database, requester, repeatable, async (tx) => {
      if (ifMatch !== undefined) requireMatch(ifMatch, await lockCluster(tx, requester, clusterId));
      await deferUpgrades(tx, { requester, clusterId, until }, clock);
      const cluster = await getCluster(tx, requester, clusterId);
      return { status: 200, body: await this.#clusters.showOne(cluster, tx) };
    });
    return answer.body as unknown as ClusterBody;
  }
}
