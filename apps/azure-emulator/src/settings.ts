import { defineSettings, setting, type Settings } from '@managed-consul/config';

/** Everything that the emulator is told from outside. */
export const emulatorSettings = defineSettings({
  LOG_LEVEL: setting.choice({
    description: 'Least severe log line that is written.',
    options: ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
    default: 'info',
  }),
  EMULATOR_HOST: setting.text({ description: 'Address that the HTTPS listener binds.', default: '127.0.0.1' }),
  EMULATOR_PORT: setting.integer({
    description: 'Port of Resource Manager and Entra ID; 0 takes a free one.',
    min: 0,
    max: 65535,
    default: '18500',
  }),
  EMULATOR_PROXY_PORT: setting.integer({
    description: 'Port of the proxy that leads Azure’s public names to the emulator; 0 takes a free one.',
    min: 0,
    max: 65535,
    default: '18501',
  }),
  EMULATOR_BLOB_PORT: setting.integer({
    description: 'Port of the blob service; 0 takes a free one.',
    min: 0,
    max: 65535,
    default: '18100',
  }),
  EMULATOR_INSTANCE_METADATA_PORT: setting.integer({
    description: 'Port of instance metadata on each machine’s own address.',
    min: 0,
    max: 65535,
    default: '18580',
  }),
  EMULATOR_MACHINE_ADDRESS_BLOCK: setting.text({
    description: 'The /16 of the loopback network that machines get their addresses from.',
    default: '127.10.0.0/16',
  }),
  EMULATOR_MACHINE_SERVICE_UID: setting.integer({
    description: 'User and group, by number, of machine services whose User= is no account here; used when the emulator is root.',
    min: 1,
    max: 2_147_483_646,
    default: '64500',
  }),
  EMULATOR_MACHINE_IMAGE_FOLDER: setting.optionalText({
    description: 'Folder whose files every new machine finds on its disk, below /, as if its image had them.',
  }),
  EMULATOR_STATE_FOLDER: setting.text({
    description: 'Folder of everything that outlives a restart: records, keys, certificates, blobs, disks.',
  }),
  EMULATOR_SEED_FILE: setting.optionalText({
    description: 'JSON file of tenants, applications, subscriptions and so on, applied at every start.',
  }),
  EMULATOR_EXTRA_NAMES: setting.optionalText({
    description: 'Further DNS names and IP addresses for the server certificate, separated by commas.',
  }),
  EMULATOR_RETRY_AFTER_SECONDS: setting.integer({
    description: 'Retry-After of long operations, in seconds.',
    min: 0,
    max: 300,
    default: '1',
  }),
  EMULATOR_OPERATION_MILLISECONDS: setting.integer({
    description: 'Least duration of a long operation, in milliseconds, beside its real work.',
    min: 0,
    max: 3_600_000,
    default: '0',
  }),
  EMULATOR_READS_PER_SECOND: setting.integer({
    description: 'GET requests that a principal may send for long in one subscription; ten times as many at once.',
    min: 1,
    max: 1_000_000,
    default: '25',
  }),
  EMULATOR_WRITES_PER_SECOND: setting.integer({
    description:
      'PUT, PATCH and POST requests, and as many DELETE, that a principal may send for long in one subscription; twenty times as many at once.',
    min: 1,
    max: 1_000_000,
    default: '10',
  }),
  EMULATOR_METERING_CALLS_PER_SECOND: setting.integer({
    description: 'POST requests, and as many GET, that a publisher may send to metering for long; twenty times as many at once.',
    min: 1,
    max: 1_000_000,
    default: '10',
  }),
  EMULATOR_CUSTOM_PROVIDER_SECONDS: setting.integer({
    description: 'How long the endpoint of a custom provider may take to answer a call, in seconds.',
    min: 1,
    max: 60,
    default: '60',
  }),
  EMULATOR_TOKEN_LIFETIME_SECONDS: setting.integer({
    description: 'Lifetime of client credentials tokens, in seconds.',
    min: 60,
    max: 86_400,
    default: '3599',
  }),
});

export type EmulatorSettings = Settings<typeof emulatorSettings>;
