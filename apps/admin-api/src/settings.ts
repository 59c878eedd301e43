import { defineSettings, setting } from '@managed-consul/config';

/** Everything that the operators' API is given from outside. */
export const adminApiSettings = defineSettings({
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
    default: '5',
  }),
  REDIS_URL: setting.secret({ description: 'Redis of the job queue, as redis://host:port.' }),
  ADMIN_AUTHORITY: setting.url({
    description: "Issuer of the operators' tokens; apart from that of the customers.",
    default: 'https://login.microsoftonline.com',
  }),
  ADMIN_TENANT_ID: setting.text({ description: 'Tenant of the operators; a token of any other is that of an outsider.' }),
  ADMIN_AUDIENCE: setting.text({
    description: 'Audience that tokens must be made for.',
    default: 'api://managed-consul-admin',
  }),
  ADMIN_VIEWERS: setting.optionalText({
    description: 'Object ids of the users, groups and service principals that may look, by commas.',
  }),
  ADMIN_OPERATORS: setting.optionalText({ description: 'Those that may also unblock work, by commas.' }),
  ADMIN_LEADS: setting.optionalText({ description: 'Those that may also change what touches everybody, by commas.' }),
  ADMIN_BREAK_GLASS_SHORTEST_MINUTES: setting.integer({
    description: 'Shortest time for which access to Consul in an emergency can be asked for.',
    min: 1,
    max: 1440,
    default: '5',
  }),
  ADMIN_BREAK_GLASS_LONGEST_MINUTES: setting.integer({
    description: 'Longest time for which it can be asked for.',
    min: 1,
    max: 1440,
    default: '240',
  }),
  ADMIN_BREAK_GLASS_APPROVE_MINUTES: setting.integer({
    description: 'How long a request for it waits for another person before it lapses.',
    min: 1,
    max: 1440,
    default: '60',
  }),
  ADMIN_CREDIT_LIMIT: setting.integer({
    description:
      'From how much on a credit waits for another person, in whole units of the currency of its plan; what one person gives an installation in a day is added up. 0: always.',
    min: 0,
    max: 1_000_000,
    default: '100',
  }),
  GATEWAY_DIAGNOSTICS_TOKEN: setting.optionalSecret({
    description: 'Bearer token by which gateways let operators read the diagnostics of Consul; without it they cannot.',
  }),
  ADMIN_HOST: setting.text({ description: 'Address to listen on; not one that customers reach.', default: '127.0.0.1' }),
  ADMIN_PORT: setting.integer({ description: 'Port to listen on; 0 takes a free one.', min: 0, max: 65535, default: '18082' }),
  ADMIN_INTERNAL_HOST: setting.text({
    description: 'Address of the listener for metrics and health checks; never one that customers reach.',
    default: '127.0.0.1',
  }),
  ADMIN_INTERNAL_PORT: setting.integer({
    description: 'Port of that listener; 0 takes a free one.',
    min: 0,
    max: 65535,
    default: '0',
  }),
  ADMIN_READS_PER_MINUTE: setting.integer({
    description: 'Requests that only read, of one caller in a minute; more are answered 429.',
    min: 1,
    max: 1_000_000,
    default: '3000',
  }),
  ADMIN_WRITES_PER_MINUTE: setting.integer({
    description: 'The same for requests that change something.',
    min: 1,
    max: 1_000_000,
    default: '600',
  }),
  ADMIN_PUBLIC_URL: setting.url({ description: 'Address under which operators reach it; links are made with it.' }),
});
