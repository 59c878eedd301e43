import { defineSettings, setting } from '@managed-consul/config';

/** What the gateway is given from outside. */
export const gatewaySettings = defineSettings({
  LOG_LEVEL: setting.choice({
    description: 'Least important log line that is written.',
    options: ['debug', 'info', 'warn', 'error'],
    default: 'info',
  }),
  TRACES_ENDPOINT: setting.optionalText({
    description: 'Where spans are sent by OTLP over HTTP, as https://collector:4318/v1/traces; without it none are recorded.',
  }),
  DATABASE_URL: setting.secret({ description: 'PostgreSQL, as postgresql://user:password@host:port/database.' }),
  DATABASE_MAX_CONNECTIONS: setting.integer({
    description: 'Most connections to PostgreSQL that this process opens.',
    min: 1,
    max: 200,
    default: '5',
  }),
  REDIS_URL: setting.secret({ description: 'Redis, as redis://host:port; holds which gateway has which agent.' }),
  KEY_ENCRYPTION_KEY_FILE: setting.text({
    description: 'File of the key that wraps all data keys: 32 random bytes in base64, mode 0600.',
  }),
  ENTRA_AUTHORITY: setting.url({ description: 'Entra ID, whose keys sign the identity tokens of the machines.' }),
  GATEWAY_ID: setting.text({ description: 'Name of this replica, unlike that of every other.' }),
  GATEWAY_AUDIENCE: setting.text({
    description: 'Audience that an identity token must be for.',
    default: 'api://managed-consul-gateway',
  }),
  GATEWAY_AGENT_HOST: setting.text({ description: 'Address that agents connect to on this machine.', default: '0.0.0.0' }),
  GATEWAY_AGENT_PORT: setting.integer({ description: 'Port that agents connect to.', min: 0, max: 65_535 }),
  GATEWAY_TLS_CERTIFICATE_FILE: setting.text({ description: "The gateway's own TLS certificate chain, PEM." }),
  GATEWAY_TLS_KEY_FILE: setting.text({ description: 'Private key of that certificate, PEM.' }),
  GATEWAY_INTERNAL_HOST: setting.text({ description: 'Address that workers connect to; never one that the internet reaches.' }),
  GATEWAY_INTERNAL_PORT: setting.integer({ description: 'Port that workers connect to.', min: 0, max: 65_535 }),
  GATEWAY_INTERNAL_URL: setting.url({
    description: 'How workers reach this very replica. With https:// the internal listener uses the TLS certificate above.',
  }),
  GATEWAY_INTERNAL_TOKEN: setting.secret({ description: 'Bearer token that workers show; the same on all replicas.' }),
  GATEWAY_DIAGNOSTICS_TOKEN: setting.optionalSecret({
    description:
      "Bearer token that the operators' API shows; it opens the diagnostics of Consul and nothing else. Without it: nothing.",
  }),
  GATEWAY_CERTIFICATE_LIFETIME_SECONDS: setting.integer({
    description: "Life of an agent's client certificate.",
    min: 60,
    max: 604_800,
    default: '86400',
  }),
  ARTIFACTS_FOLDER: setting.text({ description: 'Files that machines may download, each named by its SHA-256 in hex.' }),
});
