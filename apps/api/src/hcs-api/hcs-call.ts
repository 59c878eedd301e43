import { createParamDecorator, Inject, Injectable, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Requester } from '@managed-consul/access';
import { findInstallationAt, getCluster, listClusters, type ClusterWithServers } from '@managed-consul/clusters';
import type { Installation } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { readInput } from '@managed-consul/http-api';
import { API_SERVICES, type ApiServices } from '../api-services';
import type { SentRequest } from '../operations/requests.service';
import { parseApplicationId } from './application-id';

/** A request of the HCS API: who asks, and of which managed resource group. */
export interface HcsCall {
  requester: Requester;
  subscriptionId: string;
  resourceGroup: string;
  body: unknown;
}

/** The call as a handler's parameter. */
export const FromHcsCall = createParamDecorator((_: unknown, context: ExecutionContext): HcsCall => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  if (!request.requester) throw new Error('A handler that needs a caller is marked public.');
  const place = z.object({ subscriptionId: z.string(), resourceGroup: z.string() });
  // An action may be sent without a body, and a body in JSON may be null.
  return { requester: request.requester, ...readInput(place, request.params), body: request.body ?? {} };
});

/** The API knows no keys for repetitions and no entity tags. */
export const sentBy = ({ requester }: HcsCall): SentRequest => ({ requester, repeatable: undefined, ifMatch: undefined });

const placeSchema = z.object({ subscriptionId: z.string().optional(), resourceGroup: z.string().optional() });

const GROUP_ID = /^\/*subscriptions\/([^/]+)\/resourceGroups\/([^/]+)/i;

/**
 * The resource groups that a body may mean: the managed one, and the one that the customer put the application into. Terraform
 * names the application in the place of its group when it asks how an operation stands.
 */
function groupsOf({ subscriptionId, resourceGroup, applicationId }: Installation): { subscriptionId: string; name: string }[] {
  const application = parseApplicationId(applicationId);
  const names = application ? [resourceGroup, application.resourceGroup, application.name] : [resourceGroup];
  return names.map((name) => ({ subscriptionId, name }));
}

const isSame = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

/**
 * The address decides where a request goes; its body says it again, as a name or as a full id, and some clients name the
 * managed group, others that of the application. Throws InvalidRequest for one that says something else.
 */
function confirmPlace(installation: Installation, body: unknown): void {
  const { subscriptionId, resourceGroup } = readInput(placeSchema, body);
  const refuse = (target: string) => {
    throw new AppError('InvalidRequest', `The ${target} of the body is not that of the address.`, { target });
  };
  if (subscriptionId && !isSame(subscriptionId, installation.subscriptionId)) refuse('subscriptionId');
  if (!resourceGroup) return;
  const id = GROUP_ID.exec(resourceGroup);
  const meant = groupsOf(installation).some(
    (group) => isSame(group.name, id?.[2] ?? resourceGroup) && isSame(group.subscriptionId, id?.[1] ?? group.subscriptionId),
  );
  if (!meant) refuse('resourceGroup');
}

/** More clusters than an address range has room for are in no installation. */
const MOST_CLUSTERS = 100;

/** Finds what requests of the HCS API are about. */
@Injectable()
export class HcsPlaces {
  readonly #services: ApiServices;

  constructor(@Inject(API_SERVICES) services: ApiServices) {
    this.#services = services;
  }

  /** Throws ResourceNotFound, also where the caller has no role, and InvalidRequest. */
  async installation({ requester, body, ...place }: HcsCall): Promise<Installation> {
    const installation = await findInstallationAt(this.#services.database, requester, place);
    confirmPlace(installation, body);
    return installation;
  }

  async clustersOf(call: HcsCall, { id: installationId }: Installation): Promise<ClusterWithServers[]> {
    return listClusters(this.#services.database, call.requester, { installationId, limit: MOST_CLUSTERS });
  }

  /** Throws ResourceNotFound. */
  async clusterNamed(call: HcsCall, installation: Installation, name: string): Promise<ClusterWithServers> {
    const cluster = (await this.clustersOf(call, installation)).find((each) => isSame(each.name, name));
    if (!cluster) throw new AppError('ResourceNotFound', `There is no cluster ${name} in this resource group.`);
    return cluster;
  }

  /**
   * The cluster that an action means: the API names none, because one is all that its installations had. Throws
   * ResourceNotFound, and Conflict where there are several.
   */
  async onlyCluster(call: HcsCall): Promise<ClusterWithServers> {
    const clusters = await this.clustersOf(call, await this.installation(call));
    const [cluster, another] = clusters;
    if (!cluster) throw new AppError('ResourceNotFound', 'There is no cluster in this resource group.');
    if (!another) return cluster;
    const message = 'There are several clusters in this resource group, and this request cannot say which it means. Use /v1.';
    throw new AppError('Conflict', message, { details: clusters.map(({ name }) => ({ code: 'Cluster', message: name })) });
  }

  /** The same for who needs more than to read. Throws AuthorizationFailed too. */
  async changeableCluster(call: HcsCall): Promise<ClusterWithServers> {
    const { id } = await this.onlyCluster(call);
    return getCluster(this.#services.database.prisma, call.requester, id, { needed: 'Contributor' });
  }
}
