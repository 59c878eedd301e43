import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { findRole } from '@managed-consul/access';
import { hcsOperations, type ClientBundleBody, type hcsClusterSchema } from '@managed-consul/api-contract';
import {
  clusterSubject,
  OPERATION_KINDS,
  readClientBundle,
  readClusterOrigin,
  requestCreateCluster,
  requestDeleteCluster,
  writeBundle,
  type ClusterWithServers,
  type CreateClusterOutcome,
  type CreateClusterWish,
} from '@managed-consul/clusters';
import type { Installation } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { findPrimaryOf, requestSecondaryCluster } from '@managed-consul/federation';
import { readInput } from '@managed-consul/http-api';
import { API_SERVICES, type ApiServices } from '../api-services';
import { HcsPlaces, type HcsCall } from './hcs-call';
import { showHcsCluster } from './hcs-cluster.view';
import { differencesFrom, draftOfProperties, type HcsDraft } from './hcs-create';

type HcsCluster = z.infer<typeof hcsClusterSchema>;

/** Clusters of an installation in the shape of the HCS API. */
@Injectable()
export class HcsClustersService {
  readonly #services: ApiServices;
  readonly #places: HcsPlaces;

  constructor(@Inject(API_SERVICES) services: ApiServices, @Inject(HcsPlaces) places: HcsPlaces) {
    this.#services = services;
    this.#places = places;
  }

  async list(call: HcsCall): Promise<HcsCluster[]> {
    const installation = await this.#places.installation(call);
    const clusters = await this.#places.clustersOf(call, installation);
    return Promise.all(clusters.map((cluster) => this.#show(call, installation, cluster)));
  }

  async get(call: HcsCall, name: string): Promise<HcsCluster> {
    const installation = await this.#places.installation(call);
    return this.#show(call, installation, await this.#places.clusterNamed(call, installation, name));
  }

  /** Creates the cluster; one that is there already is answered as it is, unless something else was asked for. */
  async put(call: HcsCall, name: string): Promise<HcsCluster> {
    const { properties = {} } = readInput(hcsOperations.CreateCluster.body, call.body);
    const installation = await this.#places.installation(call);
    const clusters = await this.#places.clustersOf(call, installation);
    const present = clusters.find((cluster) => cluster.name.toLowerCase() === name.toLowerCase());
    if (present) {
      const differences = differencesFrom(present, properties);
      if (differences.length === 0) return this.#show(call, installation, present);
      const message = `The cluster exists, and differs in ${differences.join(', ')}. This request cannot change it: use /v1.`;
      throw new AppError('NameAlreadyExists', message);
    }
    const { created } = await this.#request(call, draftOfProperties(installation.id, name, properties));
    if (!created) throw new Error('A create without a key was answered as a repetition.');
    void this.#services.bell.ring(created.operation);
    return this.#show(call, installation, { ...created.cluster, serverRecords: [] });
  }

  /** Asks for the cluster to be deleted; one whose delete is under way, for nothing more. */
  async delete(call: HcsCall, name: string): Promise<void> {
    const installation = await this.#places.installation(call);
    const { id: clusterId } = await this.#places.clusterNamed(call, installation, name);
    const { database, operations, clock } = this.#services;
    const { requester } = call;
    await database.prisma.$transaction((tx) => requestDeleteCluster(tx, { requester, clusterId }, clock));
    void operations.nudge(clusterSubject(clusterId)).catch(() => undefined);
  }

  #request({ requester }: HcsCall, asked: HcsDraft): Promise<CreateClusterOutcome> {
    const { draft, problems: shapeProblems, federationToken, sourceChannel } = asked;
    const { database, secrets, clock } = this.#services;
    const wish: CreateClusterWish = { requester, draft, shapeProblems };
    if (federationToken !== undefined) return requestSecondaryCluster(database, secrets, { ...wish, federationToken }, clock);
    const work = { kind: OPERATION_KINDS.createCluster, input: { ...(sourceChannel ? { sourceChannel } : {}) } };
    return requestCreateCluster(database, { ...wish, work }, clock);
  }

  async #show(call: HcsCall, installation: Installation, cluster: ClusterWithServers): Promise<HcsCluster> {
    const { database } = this.#services;
    const [origin, bundle, primaryClusterId] = await Promise.all([
      readClusterOrigin(database, cluster),
      this.#bundleOf(call, cluster),
      findPrimaryOf(database.prisma, cluster.id),
    ]);
    return showHcsCluster({ cluster, installation, origin, bundle, primaryClusterId });
  }

  /** Undefined for who may only read, because it holds the gossip key, and for a cluster that has none yet. */
  async #bundleOf({ requester }: HcsCall, { id, installationId }: ClusterWithServers): Promise<ClientBundleBody | undefined> {
    const { database, secrets } = this.#services;
    const role = await findRole(database.prisma, requester, installationId);
    if (role === undefined || role === 'Reader') return undefined;
    try {
      return writeBundle(await readClientBundle(database, secrets, { requester, clusterId: id }));
    } catch (error) {
      if (error instanceof AppError && error.code === 'Conflict') return undefined;
      throw error;
    }
  }
}
