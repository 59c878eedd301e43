import { compareNumbers, parseVersion, type VersionNumber } from './version-number';

/** Something that changes for a customer on the way to a version. */
export interface UpgradeWarning {
  /** Stable. */
  code: string;
  message: string;
}

type Checkpoint = UpgradeWarning & { since: (version: VersionNumber) => boolean };

function atLeast(version: string): (candidate: VersionNumber) => boolean {
  const limit = parseVersion(version);
  if (!limit) throw new Error(`Not a Consul version: ${version}`);
  return (candidate) => compareNumbers(candidate, limit) >= 0;
}

const checkpoint = (version: string, code: string, message: string): Checkpoint => ({ since: atLeast(version), code, message });

/** Fixed in three lines at once, so that a later line may still lack it. */
const normalisesPaths = (version: VersionNumber): boolean => {
  if (version.major === 1 && version.minor === 18) return version.patch >= 5;
  if (version.major === 1 && version.minor === 19) return version.patch >= 3;
  return atLeast('1.20.1')(version);
};

/** By the vendor's notes on each version; the oldest first. */
const CHECKPOINTS: readonly Checkpoint[] = [
  checkpoint(
    '1.9.0',
    'IntentionsMigrate',
    'Intentions become configuration entries once every server is new; until then they cannot be changed. Only Raft protocol 3 is left.',
  ),
  checkpoint('1.10.0', 'EnvoyVersion', 'Proxies are configured over xDS v3: sidecars need an Envoy that speaks it.'),
  checkpoint(
    '1.11.0',
    'LegacyAclRemoved',
    'Tokens and policies of the old ACL system are gone. The log store changes its format: from here on no server can go back.',
  ),
  checkpoint('1.12.0', 'TlsStanza', 'TLS settings of your own agents move into a tls stanza; the old keys are deprecated.'),
  checkpoint('1.13.0', 'GrpcTlsApart', 'TLS of the gRPC port no longer follows that of HTTPS.'),
  checkpoint(
    '1.14.0',
    'GrpcTlsPort',
    'Encrypted gRPC moves to port 8503. Service mesh and peering are on by default; delete peerings that were made with 1.13.',
  ),
  checkpoint('1.15.0', 'TokenInQuery', 'Giving a token as ?token= is deprecated: send it in the X-Consul-Token header.'),
  checkpoint('1.16.0', 'HealthForbidden', 'Reading the health of a service without the right to gives 403 and no empty list.'),
  checkpoint('1.17.0', 'LicenceChange', 'From 1.17 Consul is licensed under BUSL-1.1 and no longer under MPL-2.0.'),
  checkpoint('1.19.0', 'ServersFirst', 'Clients must not be newer than the servers, and several metrics have new names.'),
  { since: normalisesPaths, code: 'PathsNormalised', message: 'Rules about HTTP paths in the mesh see normalised paths.' },
  checkpoint('2.0.0', 'HttpTimeouts', 'HTTP requests end after 15 minutes, and versions are counted in another way.'),
];

/** What changes between two versions, the earliest first. */
export const warningsBetween = (from: VersionNumber, to: VersionNumber): UpgradeWarning[] =>
  CHECKPOINTS.filter(({ since }) => since(to) && !since(from)).map(({ code, message }) => ({ code, message }));
