import { expect, it } from 'vitest';
import { speaksAgainstSnapshot } from './drill-verdict';

it.each(['SnapshotDamaged', 'SnapshotMissing', 'ConsulRefused'])('%s is a verdict on the snapshot', (code) => {
  expect(speaksAgainstSnapshot(code)).toBe(true);
});

it.each([
  'SnapshotUnreadable',
  'StorageNotReachable',
  'ConsulDidNotStart',
  'ConsulNotReady',
  'DownloadFailed',
  'TaskTimedOut',
  'Unexpected',
])('%s says nothing about the snapshot', (code) => {
  expect(speaksAgainstSnapshot(code)).toBe(false);
});
