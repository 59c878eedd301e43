import { Controller, HttpCode, Inject, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { hcsOperations } from '@managed-consul/api-contract';
import { createFederationToken, getFederation, type FederatedCluster, type FederationState } from '@managed-consul/federation';
import { AppError } from '@managed-consul/errors';
import { listVersionsForUpgrade } from '@managed-consul/upgrades';
import { readId, readInput } from '@managed-consul/http-api';
import { API_SERVICES, type ApiServices } from '../api-services';
import { ClientAccessService } from '../client-access/client-access.service';
import { UpgradesService } from '../lifecycle/upgrades.service';
import { parseApplicationId } from './application-id';
import { HCS_CONTROLLER_PATHS } from './hcs-address';
import { FromHcsCall, HcsPlaces, sentBy, type HcsCall } from './hcs-call';
import { NO_AUDIT_LOG } from './hcs-create';
import { HcsFirstCluster } from './hcs-first-cluster';
import { HcsOperationsService } from './hcs-operations.service';
import { HcsTurns } from './hcs-turns';

const FEDERATION_STATES: Record<FederationState, 'UNKNOWN' | 'RUNNING' | 'PRIMARY_DATACENTER_MISSING'> = {
  NotFederated: 'UNKNOWN',
  Running: 'RUNNING',
  PrimaryDatacenterMissing: 'PRIMARY_DATACENTER_MISSING',
};

/** Named as its clients know it, by the managed application; Terraform compares these with what it is to destroy. */
function showMember({ id, name, subscriptionId, resourceGroup, applicationId }: FederatedCluster) {
  const application = parseApplicationId(applicationId);
  return { id, ...(application ?? { name, subscriptionId, resourceGroup }) };
}

/** What the HCS API does with a cluster beside its snapshots: tokens, configuration, upgrades, federation, operations. */
@Controller(HCS_CONTROLLER_PATHS)
export class HcsActionsController {
  readonly #services: ApiServices;
  readonly #places: HcsPlaces;
  readonly #access: ClientAccessService;
  readonly #upgrades: UpgradesService;
  readonly #operations: HcsOperationsService;
  readonly #firstCluster: HcsFirstCluster;
  readonly #turns: HcsTurns;

  constructor(
    @Inject(API_SERVICES) services: ApiServices,
    @Inject(HcsPlaces) places: HcsPlaces,
    @Inject(ClientAccessService) access: ClientAccessService,
    @Inject(UpgradesService) upgrades: UpgradesService,
    @Inject(HcsOperationsService) operations: HcsOperationsService,
    @Inject(HcsFirstCluster) firstCluster: HcsFirstCluster,
    @Inject(HcsTurns) turns: HcsTurns,
  ) {
    this.#services = services;
    this.#places = places;
    this.#access = access;
    this.#upgrades = upgrades;
    this.#operations = operations;
    this.#firstCluster = firstCluster;
    this.#turns = turns;
  }

  @Post('update')
  @HttpCode(200)
  async update(@FromHcsCall() call: HcsCall) {
    const { update = {} } = readInput(hcsOperations.UpdateCluster.body, call.body);
    const { consulVersion = '', auditLogging } = update;
    await this.#places.onlyCluster(call);
    if (auditLogging?.enabled === 'TRUE') throw new AppError('InvalidRequest', NO_AUDIT_LOG, { target: 'update.auditLogging' });
    if (consulVersion === '') {
      throw new AppError('InvalidRequest', 'Say which Consul version to upgrade to.', { target: 'update.consulVersion' });
    }
    const version = consulVersion.replace(/^v/, '');
    const accepted = await this.#turns.take(call, ({ id }) => this.#upgrades.upgrade(sentBy(call), id, version));
    return { operation: await this.#operations.begun(call, accepted) };
  }

  @Post('listConsulUpgradeVersions')
  @HttpCode(200)
  async upgradeVersions(@FromHcsCall() call: HcsCall) {
    const { id } = await this.#places.onlyCluster(call);
    const versions = await listVersionsForUpgrade(this.#services.database.prisma, call.requester, id);
    return {
      versions: versions.flatMap(({ version, status, plan }) =>
        plan.kind === 'plan' && status !== 'BLOCKED' ? [{ version, status }] : [],
      ),
    };
  }

  /** Gives the token once it is valid, also of a cluster that is still being made; one that takes longer than Azure waits becomes valid soon. */
  @Post('createToken')
  @HttpCode(200)
  async createToken(@FromHcsCall() call: HcsCall, @Res({ passthrough: true }) reply: FastifyReply) {
    void reply.header('cache-control', 'no-store');
    const giveUpAt = this.#operations.giveUpAt();
    await this.#firstCluster.made(call, giveUpAt);
    const make = ({ id }: { id: string }) => this.#access.createRootToken(call.requester, id, undefined);
    const { operation, rootToken } = await this.#turns.take(call, make, giveUpAt);
    await this.#operations.ended(operation.id, giveUpAt);
    return { masterToken: rootToken };
  }

  @Post('config')
  @HttpCode(200)
  async config(@FromHcsCall() call: HcsCall, @Res({ passthrough: true }) reply: FastifyReply) {
    void reply.header('cache-control', 'no-store');
    const { id } = await this.#places.onlyCluster(call);
    const { caPem, clientConfiguration } = await this.#access.readBundle(call.requester, id);
    return { caFile: caPem, clientConfig: JSON.stringify(clientConfiguration) };
  }

  @Post('createFederationToken')
  @HttpCode(200)
  async createFederationToken(@FromHcsCall() call: HcsCall, @Res({ passthrough: true }) reply: FastifyReply) {
    void reply.header('cache-control', 'no-store');
    const { database, secrets, clock, bell } = this.#services;
    const { requester } = call;
    const created = await this.#turns.take(call, ({ id: clusterId }) =>
      database.prisma.$transaction((tx) => createFederationToken(tx, secrets, { requester, clusterId }, clock)),
    );
    if (created.operation) void bell.ring(created.operation);
    return { federationToken: created.federationToken.reveal() };
  }

  @Post('getFederation')
  @HttpCode(200)
  async getFederation(@FromHcsCall() call: HcsCall) {
    const { id: clusterId } = await this.#places.onlyCluster(call);
    const { requester } = call;
    const { state, primary, secondaries } = await getFederation(this.#services.database.prisma, { requester, clusterId });
    const shown = { state: FEDERATION_STATES[state], secondaryDatacenters: secondaries.map(showMember) };
    return primary ? { ...shown, primaryDatacenter: showMember(primary) } : shown;
  }

  @Post('operation')
  @HttpCode(200)
  async operation(@FromHcsCall() call: HcsCall) {
    const { operationId = '' } = readInput(hcsOperations.GetOperation.body, call.body);
    return { operation: await this.#operations.of(call, readId(operationId)) };
  }
}
