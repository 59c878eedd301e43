/**
 * Consul's snapshots as a stream of bytes: whether an archive is whole and what it says about itself, and the format in which
 * snapshots are stored encrypted. Everything streams, so memory stays flat whatever the size. Knows neither where a
 * snapshot comes from nor where it goes.
 */
export { SnapshotDamagedError } from './snapshot-damaged-error';
export { SnapshotVerifier, type SnapshotFacts } from './snapshot-verifier';
export { decryptSnapshot, encryptSnapshot, SNAPSHOT_FORMAT } from './snapshot-encryption';
