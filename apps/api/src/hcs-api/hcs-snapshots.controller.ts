import { Controller, HttpCode, Inject, Post } from '@nestjs/common';
import { hcsOperations } from '@managed-consul/api-contract';
import type { Installation, Snapshot } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { getSnapshot, listSnapshots, readLastRestores } from '@managed-consul/snapshots';
import { readId, readInput } from '@managed-consul/http-api';
import { API_SERVICES, type ApiServices } from '../api-services';
import { LifecycleService } from '../lifecycle/lifecycle.service';
import { SnapshotsService } from '../snapshots/snapshots.service';
import { HCS_CONTROLLER_PATHS } from './hcs-address';
import { FromHcsCall, HcsPlaces, sentBy, type HcsCall } from './hcs-call';
import { HcsOperationsService } from './hcs-operations.service';
import { HcsTurns } from './hcs-turns';
import { showHcsSnapshot } from './hcs-snapshot.view';

/** The API has no pages; more than a cluster may keep is never shown. */
const MOST_SNAPSHOTS = 1000;

/** Snapshots as the HCS API has them, those of clusters that are gone too. */
@Controller(HCS_CONTROLLER_PATHS)
export class HcsSnapshotsController {
  readonly #services: ApiServices;
  readonly #places: HcsPlaces;
  readonly #snapshots: SnapshotsService;
  readonly #lifecycle: LifecycleService;
  readonly #operations: HcsOperationsService;
  readonly #turns: HcsTurns;

  constructor(
    @Inject(API_SERVICES) services: ApiServices,
    @Inject(HcsPlaces) places: HcsPlaces,
    @Inject(SnapshotsService) snapshots: SnapshotsService,
    @Inject(LifecycleService) lifecycle: LifecycleService,
    @Inject(HcsOperationsService) operations: HcsOperationsService,
    @Inject(HcsTurns) turns: HcsTurns,
  ) {
    this.#services = services;
    this.#places = places;
    this.#snapshots = snapshots;
    this.#lifecycle = lifecycle;
    this.#operations = operations;
    this.#turns = turns;
  }

  @Post('createSnapshot')
  @HttpCode(200)
  async create(@FromHcsCall() call: HcsCall) {
    const { name } = readInput(hcsOperations.CreateSnapshot.body, call.body);
    const accepted = await this.#turns.take(call, ({ id }) =>
      this.#snapshots.take(sentBy(call), id, name === '' ? undefined : name),
    );
    const { snapshot } = accepted as unknown as { snapshot: { id: string } };
    return { operation: await this.#operations.begun(call, accepted), snapshotId: snapshot.id };
  }

  @Post('getSnapshot')
  @HttpCode(200)
  async get(@FromHcsCall() call: HcsCall) {
    const { installation, snapshot } = await this.#meant(call);
    return this.#answer(installation, snapshot);
  }

  @Post('listSnapshots')
  @HttpCode(200)
  async list(@FromHcsCall() call: HcsCall) {
    const { id: installationId } = await this.#places.installation(call);
    const { database } = this.#services;
    const query = { installationId, limit: MOST_SNAPSHOTS };
    const [snapshots, restores] = await Promise.all([
      listSnapshots(database, call.requester, query),
      readLastRestores(database, installationId),
    ]);
    return { snapshots: snapshots.map((snapshot) => showHcsSnapshot(snapshot, restores.get(snapshot.id))) };
  }

  @Post('renameSnapshot')
  @HttpCode(200)
  async rename(@FromHcsCall() call: HcsCall) {
    const { name = '' } = readInput(hcsOperations.RenameSnapshot.body, call.body);
    const { installation, snapshot } = await this.#meant(call);
    await this.#snapshots.rename(sentBy(call), snapshot.id, name);
    return this.#answer(installation, await getSnapshot(this.#services.database.prisma, call.requester, snapshot.id));
  }

  @Post('deleteSnapshot')
  @HttpCode(200)
  async delete(@FromHcsCall() call: HcsCall) {
    const { snapshot } = await this.#meant(call);
    return { operation: await this.#operations.begun(call, await this.#snapshots.delete(call.requester, snapshot.id)) };
  }

  @Post('restoreSnapshot')
  @HttpCode(200)
  async restore(@FromHcsCall() call: HcsCall) {
    const { takeSnapshot } = readInput(hcsOperations.RestoreSnapshot.body, call.body);
    const { snapshot } = await this.#meant(call);
    const wish = { snapshotId: snapshot.id, safetySnapshot: takeSnapshot === 'TRUE' };
    const accepted = await this.#turns.take(call, ({ id }) => this.#lifecycle.restore(sentBy(call), id, wish));
    return { operation: await this.#operations.begun(call, accepted) };
  }

  /** The snapshot that the body names, of the installation that the address names. Throws ResourceNotFound. */
  async #meant(call: HcsCall): Promise<{ installation: Installation; snapshot: Snapshot }> {
    const snapshotId = readId(readInput(hcsOperations.GetSnapshot.body, call.body).snapshotId ?? '');
    const installation = await this.#places.installation(call);
    const snapshot = await getSnapshot(this.#services.database.prisma, call.requester, snapshotId);
    if (snapshot.installationId === installation.id) return { installation, snapshot };
    throw new AppError('ResourceNotFound', `There is no snapshot ${snapshotId} in this resource group.`);
  }

  async #answer({ id }: Installation, snapshot: Snapshot) {
    const restores = await readLastRestores(this.#services.database, id);
    return { snapshot: showHcsSnapshot(snapshot, restores.get(snapshot.id)) };
  }
}
