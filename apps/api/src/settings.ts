import { defineSettings, setting } from '@managed-consul/config';

/** Everything that the customers' API is given from outside. */
export const apiSettings = defineSettings({
  LOG_LEVEL: setting.choice({
    description: 'Least serious level that is logged.',
    options: ['debug', 'info', 'warn', 'error'],
    default: 'info',
  }),
  TRACES_ENDPOINT: setting.optionalText({
    description: 'Where spans are sent by OTLP over HTTP, as https://collector:4318/v1/traces; without it none are recorded.',
  }),
  DATABASE_URL: setting.secret({ description: 'PostgreSQL, as postgresql://user:password@host:port/database.' }),
  DATABASE_MAX_CONNECTIONS: setting.integer({
    description: 'Connections that this process may hold.',
    min: 1,
    max: 200,
    default: '10',
  }),
  REDIS_URL: setting.secret({ description: 'Redis of the job queue, as redis://host:port.' }),
  KEY_ENCRYPTION_KEY_FILE: setting.text({
    description: 'File with the key-encryption key: 32 random bytes in base64, mode 0600.',
  }),
  ENTRA_AUTHORITY: setting.url({
    description: 'Entra ID, whose tokens are accepted.',
    default: 'https://login.microsoftonline.com',
  }),
  API_AUDIENCE: setting.text({ description: 'Audience that tokens must be made for.', default: 'api://managed-consul' }),
  API_HOST: setting.text({ description: 'Address to listen on.', default: '127.0.0.1' }),
  API_PORT: setting.integer({ description: 'Port to listen on; 0 takes a free one.', min: 0, max: 65535, default: '18080' }),
  API_INTERNAL_HOST: setting.text({
    description: 'Address of the listener for metrics and health checks; never one that customers reach.',
    default: '127.0.0.1',
  }),
  API_INTERNAL_PORT: setting.integer({
    description: 'Port of that listener; 0 takes a free one.',
    min: 0,
    max: 65535,
    default: '0',
  }),
  API_PUBLIC_URL: setting.url({ description: 'Address under which customers reach the API; links are made with it.' }),
  API_READS_PER_MINUTE: setting.integer({
    description: 'Requests that only read, of one caller in a minute; more are answered 429.',
    min: 1,
    max: 1_000_000,
    default: '3000',
  }),
  API_WRITES_PER_MINUTE: setting.integer({
    description: 'The same for requests that change something.',
    min: 1,
    max: 1_000_000,
    default: '600',
  }),
  NOTIFICATION_SECRET: setting.secret({
    description: 'The sig in the address that Azure sends notifications of managed applications to.',
  }),
});
