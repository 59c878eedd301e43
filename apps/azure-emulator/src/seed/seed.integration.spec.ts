import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sample, sampleSeed, startTestEmulator, type TestEmulator } from '../emulator.builder';
import { readSeedFile } from './apply-seed';

describe('the seed', () => {
  let folder: string;
  let emulator: TestEmulator | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'emulator-seed-'));
  });

  afterEach(async () => {
    await emulator?.dispose();
    emulator = undefined;
    rmSync(folder, { recursive: true });
  });

  it('changes nothing when it is applied again', async () => {
    emulator = await startTestEmulator({ providers: [] });
    const group = `/subscriptions/${sample.subscriptionId}/resourceGroups/sample`;
    await emulator.call('PATCH', group, { body: { tags: { purpose: 'changed' } } });
    const assignments = `/subscriptions/${sample.subscriptionId}/providers/Microsoft.Authorization/roleAssignments`;
    const before = await emulator.call('GET', assignments);
    emulator = await emulator.restart();
    expect((await emulator.call('GET', group)).body).toMatchObject({ tags: { purpose: 'changed' } });
    expect((await emulator.call('GET', assignments)).body).toEqual(before.body);
  });

  it('names every problem of its file with its place', () => {
    const file = join(folder, 'seed.json');
    writeFileSync(file, JSON.stringify({ ...sampleSeed, tenants: [{ tenantId: 'x', displayName: '' }], more: [] }));
    expect(() => readSeedFile(file)).toThrow(/tenants\.0\.tenantId[\s\S]*tenants\.0\.displayName[\s\S]*more/);
  });

  it('refuses a role that is none', async () => {
    const roleAssignments = [
      { scope: `/subscriptions/${sample.subscriptionId}`, role: 'King', principalId: sample.owner.objectId },
    ];
    await expect(
      startTestEmulator({ providers: [], stateFolder: folder, seed: { ...sampleSeed, roleAssignments } }),
    ).rejects.toThrow("the role 'King'");
  });
});
