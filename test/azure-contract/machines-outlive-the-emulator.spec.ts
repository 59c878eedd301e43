import { readFileSync } from 'node:fs';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seconds } from '@managed-consul/config';
import { until } from '@managed-consul/testing';
import type { VirtualMachineScaleSet } from '@azure/arm-compute';
import { listeningAddresses } from '../support/machine-processes';
import { AUDIENCE, EmulatedAzure, TENANT } from './emulated-azure';
import { liveAzure, ONLY_EMULATED } from './live-azure';
import {
  addressesOf,
  askProgram,
  clientsOf,
  GROUP,
  prepareGroup,
  PROGRAM_PORT,
  SCALE_SET,
  type Clients,
  type ProgramAnswer,
} from './sample-scale-set';

/** One story, told in order: each part goes on where the one before ended. */
describe.skipIf(liveAzure !== undefined)(`the machines of a scale set${ONLY_EMULATED}`, () => {
  const azure = new EmulatedAzure();
  let clients: Clients;
  let scaleSet: (capacity: number) => VirtualMachineScaleSet;
  let first: ProgramAnswer[];
  let everyone: ProgramAnswer[];

  const answers = async (count: number): Promise<ProgramAnswer[]> =>
    until(
      async () => {
        const addresses = await addressesOf(clients);
        if (addresses.length !== count) throw new Error(`${addresses.length} addresses`);
        return Promise.all(addresses.map((address) => askProgram(address)));
      },
      { within: seconds(20), because: `${count} machines answer` },
    );

  // A process that has ended but whose new parent has not looked yet (state Z) still has a pid.
  const isAlive = (pid: number): boolean => {
    try {
      return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    } catch {
      return false;
    }
  };

  beforeAll(async () => {
    await azure.start();
    clients = clientsOf(azure);
    scaleSet = await prepareGroup(clients);
  });

  afterAll(() => azure.dispose());

  it('run what their cloud-config starts, each at an address of its own and under an account of its own', async () => {
    await clients.compute.virtualMachineScaleSets.createOrUpdate(GROUP, SCALE_SET, scaleSet(2));
    first = await answers(2);
    expect(first.map(({ name }) => name)).toEqual([`${SCALE_SET}_0`, `${SCALE_SET}_1`]);
    expect(new Set(await addressesOf(clients)).size).toBe(2);
    if (process.getuid?.() === 0) expect(first.every(({ uid }) => uid !== 0)).toBe(true);
  });

  it('take tokens of their identity whose signature the published keys confirm', async () => {
    const identity = await clients.identities.userAssignedIdentities.get(GROUP, 'identity');
    const keys = createRemoteJWKSet(new URL(`${azure.endpoint}/${TENANT}/discovery/v2.0/keys`));
    for (const address of await addressesOf(clients)) {
      const { token } = await askProgram(address, '/token');
      const { payload } = await jwtVerify(token ?? '', keys, {
        audience: AUDIENCE,
        issuer: `https://sts.windows.net/${TENANT}/`,
      });
      expect(payload).toMatchObject({ oid: identity.principalId, xms_mirid: identity.id, tid: TENANT });
    }
    const forged = `${(await askProgram((await addressesOf(clients))[0] ?? '', '/token')).token?.slice(0, -6) ?? ''}AAAAAA`;
    await expect(jwtVerify(forged, keys, { audience: AUDIENCE })).rejects.toThrow();
  });

  it('stay as they are when the capacity grows', async () => {
    await clients.compute.virtualMachineScaleSets.createOrUpdate(GROUP, SCALE_SET, scaleSet(3));
    const now = await answers(3);
    expect(now.slice(0, 2).map(({ pid, vmId }) => ({ pid, vmId }))).toEqual(first.map(({ pid, vmId }) => ({ pid, vmId })));
  });

  it('answer while the emulator is dead, and a change that it had only accepted is finished by the next', async () => {
    const addresses = await addressesOf(clients);
    const before = await answers(3);
    await azure.addFault({ path: SCALE_SET, effect: { kind: 'stuckOperation' } });
    const change = clients.compute.virtualMachineScaleSets.createOrUpdate(GROUP, SCALE_SET, scaleSet(4));
    await change.submitted();
    expect(change.isDone).toBe(false);
    await azure.kill();
    const meanwhile = await Promise.all(addresses.map((address) => askProgram(address)));
    expect(meanwhile.map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid));

    await azure.start();
    everyone = await answers(4);
    expect(everyone.slice(0, 3).map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid));
    const finished = await until(
      async () => {
        const set = await clients.compute.virtualMachineScaleSets.get(GROUP, SCALE_SET);
        return set.provisioningState === 'Succeeded' && set;
      },
      { within: seconds(20), because: 'the interrupted change is finished' },
    );
    expect(finished.sku?.capacity).toBe(4);
    const { token } = await askProgram((await addressesOf(clients))[0] ?? '', '/token');
    const keys = createRemoteJWKSet(new URL(`${azure.endpoint}/${TENANT}/discovery/v2.0/keys`));
    await expect(jwtVerify(token ?? '', keys, { audience: AUDIENCE })).resolves.toBeDefined();
  });

  it('are started again when their program dies, also one that an earlier emulator started', async () => {
    const [victim] = everyone;
    process.kill(victim?.pid ?? 0, 'SIGKILL');
    const restarted = await until(
      async () => {
        const now = await askProgram((await addressesOf(clients))[0] ?? '');
        return now.pid !== victim?.pid && now;
      },
      { within: seconds(20), because: 'the service is started again' },
    );
    everyone.push(restarted);
  });

  it('go down with the emulator when it is told to, and boot again with the next', async () => {
    const before = await answers(4);
    await azure.stopWithMachines();
    expect(before.flatMap(({ pid, daemon }) => [pid, daemon]).filter(isAlive)).toEqual([]);
    await azure.start();
    const after = await answers(4);
    expect(after.map(({ vmId }) => vmId)).toEqual(before.map(({ vmId }) => vmId));
    everyone.push(...after);
  });

  it('leave nothing when their group is deleted: no process, not even a daemon, no address, no folder', async () => {
    const addresses = await addressesOf(clients);
    await clients.resources.resourceGroups.delete(GROUP);
    expect(everyone.flatMap(({ pid, daemon }) => [pid, daemon]).filter(isAlive)).toEqual([]);
    expect(listeningAddresses(PROGRAM_PORT).filter((address) => addresses.includes(address))).toEqual([]);
    expect(azure.machineFolders()).toEqual([]);
    await expect(clients.resources.resourceGroups.get(GROUP)).rejects.toMatchObject({
      statusCode: 404,
      code: 'ResourceGroupNotFound',
    });
  });
});
