/**
 * Who may import whom, by the tags in each project.json. Every layer lists what it may use; nothing may use everything, and
 * what is not listed is refused.
 */
export interface BoundaryRule {
  /** The tag this rule is about. */
  tag: string;
  /** Tags that a project with `tag` may import from; it needs one of them on the imported project. */
  mayImport: readonly string[];
  /** Tags that it may not even reach through others. */
  mayNotReach?: readonly string[];
}

export const BOUNDARY_RULES: readonly BoundaryRule[] = [
  {
    tag: 'layer:app',
    mayImport: [
      'layer:lifecycle',
      'layer:engine',
      'layer:domain',
      'layer:web',
      'layer:adapter',
      'layer:contract',
      'layer:foundation',
    ],
  },
  // What HTTP interfaces share; only they import it.
  { tag: 'layer:web', mayImport: ['layer:domain', 'layer:contract', 'layer:foundation'] },
  { tag: 'layer:lifecycle', mayImport: ['layer:lifecycle', 'layer:engine', 'layer:domain', 'layer:adapter', 'layer:foundation'] },
  { tag: 'layer:domain', mayImport: ['layer:domain', 'layer:contract', 'layer:foundation'] },
  // The engine runs steps of anything: it knows no cluster.
  { tag: 'layer:engine', mayImport: ['layer:foundation'] },
  // Adapters translate the outside world: they know no database and no domain.
  { tag: 'layer:adapter', mayImport: ['layer:adapter', 'layer:foundation'], mayNotReach: ['lib:database', 'layer:domain'] },
  { tag: 'layer:contract', mayImport: ['layer:foundation'], mayNotReach: ['lib:database'] },
  { tag: 'layer:foundation', mayImport: ['layer:foundation'] },
  {
    tag: 'layer:testing',
    mayImport: [
      'layer:lifecycle',
      'layer:engine',
      'layer:domain',
      'layer:adapter',
      'layer:contract',
      'layer:foundation',
      'layer:tooling',
    ],
  },
  {
    tag: 'layer:tooling',
    mayImport: [
      'layer:tooling',
      'layer:testing',
      'layer:app',
      'layer:domain',
      'layer:adapter',
      'layer:contract',
      'layer:foundation',
    ],
  },
  {
    tag: 'layer:system-tests',
    mayImport: [
      'layer:tooling',
      'layer:testing',
      'layer:lifecycle',
      'layer:engine',
      'layer:domain',
      'layer:adapter',
      'layer:contract',
      'layer:foundation',
    ],
  },
  // A request only records intent: the API never calls Azure or Consul.
  {
    tag: 'app:api',
    mayImport: ['layer:domain', 'layer:web', 'layer:contract', 'layer:foundation', 'lib:secrets'],
    mayNotReach: ['lib:azure', 'lib:consul'],
  },
  // The operators' API records intent too. Of a cluster's machines it asks only what their agents tell without a token of Consul.
  {
    tag: 'app:admin-api',
    mayImport: ['layer:domain', 'layer:web', 'layer:contract', 'layer:foundation', 'lib:agent-protocol'],
    mayNotReach: ['lib:azure', 'lib:consul'],
  },
  // The emulator stands for Azure; it must not know the service that it is used by.
  { tag: 'app:azure-emulator', mayImport: ['layer:foundation'], mayNotReach: ['lib:database'] },
  // The agent runs on the customer's machines.
  { tag: 'app:server-agent', mayImport: ['layer:adapter', 'layer:foundation'], mayNotReach: ['lib:database', 'lib:azure'] },
];

/** What tests may use beside what their project may. */
export const TESTS_MAY_ALSO_IMPORT = ['layer:testing', 'layer:tooling'] as const;

/** Words that say nothing about what is in a file or folder. */
export const BANNED_NAMES = ['utils', 'util', 'helpers', 'helper', 'common', 'core', 'manager', 'misc'] as const;

/** Proper names of Azure that hold one of them. */
export const NAMES_OF_OTHERS = ['resource-manager'] as const;
