/** What the user typed cannot be understood; the message says what can. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

export const USAGE = `Usage: ./hcs <command>

  up [--detach]            start the whole service with the sample cluster "hello"; Ctrl-C stops it
  down                     stop every process that "up" started
  status [--json]          what runs and where
  logs [part] [--follow]   the logs of all parts, or of one: api, admin-api, worker, gateway-1, azure-emulator, postgres, redis
  token [--operator]       a bearer token of the sample customer for the API, or of its operator for the operators' API

  azure shell [-- command…]  a shell in which az, the SDKs of Azure and Terraform talk to the local Azure
  azure env                the same settings as export lines: eval "$(./hcs azure env)"

  audit verify [--heads FILE]
                           prove that no audit event was altered or removed; with FILE also against the heads that it
                           kept the last time. Reads DATABASE_URL, or the database of the local service

  decrypt-snapshot FILE --key KEY --snapshot ID --out FILE
                           make of a downloaded snapshot the archive that Consul wrote

  test [unit|integration|trials|system|files…]   run tests; all of them unless told otherwise
  check                    format, lint, types, boundaries, cycles, dead code, migrations, generated files
  performance [name]       run the benchmarks, or one; figures are also written to the state folder

Settings (environment): HCS_STATE_FOLDER (.hcs), HCS_PORT_BASE (18000), HCS_MACHINE_ADDRESSES (127.10.0.0/16),
HCS_GATEWAYS (1), HCS_LOG_LEVEL (info). With other values two copies run side by side.`;
