import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Store } from '../store/store';
import { EmulatorClock } from './emulator-clock';

describe('the emulator’s clock', () => {
  let folder: string;
  let store: Store;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'emulator-clock-'));
    store = new Store(folder);
  });

  afterEach(() => {
    store.close();
    rmSync(folder, { recursive: true });
  });

  it('wakes a sleeper when it is moved past its end', async () => {
    const clock = new EmulatorClock(store);
    const asleep = clock.sleep(3_600_000);
    clock.advance(3_600_000);
    await expect(asleep).resolves.toBeUndefined();
  });

  it('does not wake a sleeper that has time left', async () => {
    const clock = new EmulatorClock(store);
    const controller = new AbortController();
    const asleep = clock.sleep(7_200_000, controller.signal);
    clock.advance(3_600_000);
    controller.abort(new Error('still asleep'));
    await expect(asleep).rejects.toThrow('still asleep');
  });

  it('rejects a sleep whose signal is aborted already', async () => {
    await expect(new EmulatorClock(store).sleep(1, AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
  });

  it('stays where it was set', () => {
    new EmulatorClock(store).set(new Date('2030-01-01T00:00:00Z'));
    expect(new EmulatorClock(store).now().getUTCFullYear()).toBe(2030);
  });
});
