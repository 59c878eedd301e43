/** What scale sets and instances have in common: versions of their interface, and actions on machines. */
import type { Machine } from '../machine';

export const COMPUTE_API_VERSIONS = ['2026-04-01', '2026-03-01', '2024-11-01', '2024-07-01', '2023-09-01'];

/** What each power action does to a machine; one that is not there yet is left alone. */
export const POWER_ACTIONS: Readonly<Record<string, (machine: Machine | undefined) => Promise<void> | undefined>> = {
  start: (machine) => machine?.start(),
  powerOff: (machine) => machine?.powerOff(),
  deallocate: (machine) => machine?.deallocate(),
  restart: (machine) => machine?.restart(),
  redeploy: (machine) => machine?.restart(),
};

/** Reimaging actions, and whether data disks go too. */
export const REIMAGE_ACTIONS: Readonly<Record<string, boolean>> = { reimage: false, reimageall: true };
