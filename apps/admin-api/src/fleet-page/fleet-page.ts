import { isGood, type Condition } from '@managed-consul/clusters';
import type { Freeze, UsageEmission, UsageMismatch } from '@managed-consul/database';
import type { FleetCluster, FleetCount, FleetCounts, FleetOperation, FleetRollout, QueueState } from '@managed-consul/fleet';
import type { QueueDepth } from '@managed-consul/operations';
import { html, type Content, type Html } from './html';
import { document, lengthOf, section, table, when, type Column } from './page-parts';

/** What the page narrows its clusters by; what is left out does not narrow. */
export interface FleetFilter {
  readonly name?: string | undefined;
  readonly region?: string | undefined;
  readonly provisioningState?: string | undefined;
  readonly consulVersion?: string | undefined;
}

/** All that the page tells. */
export interface FleetFacts {
  readonly now: Date;
  readonly counts: FleetCounts;
  readonly filter: FleetFilter;
  /** Those with something wrong, by the filter. */
  readonly troubled: readonly FleetCluster[];
  /** One page of all of them, by the filter, and the token of the next. */
  readonly clusters: readonly FleetCluster[];
  readonly nextPageToken: string | null;
  readonly overdue: readonly FleetOperation[];
  readonly running: readonly FleetOperation[];
  readonly failed: readonly FleetOperation[];
  readonly queue: QueueState;
  readonly bells: QueueDepth | undefined;
  readonly rollouts: readonly FleetRollout[];
  readonly freezes: readonly Freeze[];
  readonly emissions: readonly UsageEmission[];
  readonly mismatches: readonly UsageMismatch[];
}

/** Rows of a list that is not paged; the operators' API has the rest. */
export const SHOWN = 20;

const bad = (content: Content): Html => html`<span class="bad">${content}</span>`;

/** A condition names everything that is missing; a line of a table need not. */
const LONGEST_MESSAGE = 240;
const shorten = (message: string): string =>
  message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE)}…` : message;

function wrongWith({ conditions, findings, provisioningState }: FleetCluster): Content {
  const against = (conditions as unknown as Condition[]).filter((condition) => !isGood(condition));
  const sentences = against.map(
    ({ type, reason, message }) => html`<div>${bad(`${type}: ${reason}.`)} ${shorten(message)}</div>`,
  );
  const failed = provisioningState === 'Failed' ? html`<div>${bad('Its last operation failed.')}</div>` : null;
  const more = against.length === 0 && findings > 0 ? html`<div>${bad(`Findings: ${findings}`)}</div>` : null;
  return [failed, sentences, more];
}

const CLUSTER: readonly Column<FleetCluster>[] = [
  ['Name', ({ name }) => name],
  [
    'State',
    ({ provisioningState, powerState }) => (powerState === 'Running' ? provisioningState : `${provisioningState}, ${powerState}`),
  ],
  ['Region', ({ region }) => region],
  [
    'Consul',
    ({ consulVersion, observedConsulVersion }) =>
      observedConsulVersion === null || observedConsulVersion === consulVersion
        ? consulVersion
        : `${observedConsulVersion}, to be ${consulVersion}`,
  ],
  ['Servers', ({ servers }) => servers],
];
const IDS: readonly Column<FleetCluster>[] = [
  ['Cluster id', ({ id }) => id],
  ['Tenant', ({ installation }) => installation.tenantId],
];

const countsOf = (heading: string, counts: readonly FleetCount[]): Html =>
  html`<div>
    <h3>${heading}</h3>
    ${table(`Clusters by ${heading.toLowerCase()}`, counts, [
      [heading, ({ value }) => value],
      ['Clusters', ({ clusters }) => clusters],
    ])}
  </div>`;

function select(name: string, label: string, counts: readonly FleetCount[], chosen: string | undefined): Html {
  // What was chosen stays to be seen, even if there is none left of it.
  const values = [...new Set([...counts.map(({ value }) => value), ...(chosen ? [chosen] : [])])];
  const option = (value: string) =>
    value === chosen ? html`<option selected>${value}</option>` : html`<option>${value}</option>`;
  return html`<div>
    <label for="${name}">${label}</label
    ><select id="${name}" name="${name}">
      <option value="">any</option>
      ${values.map(option)}
    </select>
  </div>`;
}

const filterForm = ({ counts, filter }: FleetFacts): Html =>
  html`<form class="filter" method="get" action="/fleet" role="search" aria-label="Clusters">
    <div><label for="name">Part of the name</label><input id="name" name="name" maxlength="100" value="${filter.name}" /></div>
    ${select('provisioningState', 'State', counts.states, filter.provisioningState)}
    ${select('region', 'Region', counts.regions, filter.region)}
    ${select('consulVersion', 'Consul version', counts.versions, filter.consulVersion)}
    <button>Filter</button> <a href="/fleet">Show all</a>
  </form>`;

function addressOf(filter: FleetFilter, pageToken: string): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...filter, pageToken })) if (value) query.set(name, value);
  return `/fleet?${query}#clusters`;
}

const operationColumns = (now: Date): readonly Column<FleetOperation>[] => [
  ['Kind', ({ kind }) => kind],
  ['Cluster id', ({ clusterId, subject }) => clusterId ?? subject],
  ['State', ({ state }) => state],
  ['Step', ({ currentStep, errorStep }) => errorStep ?? currentStep],
  [
    'What it says',
    ({ errorCode, errorMessage, waitingFor }) => (errorCode === null ? waitingFor : `${errorCode}: ${errorMessage ?? ''}`),
  ],
  ['Asked for', ({ createdAt }) => [when(createdAt), ` (${lengthOf(now.getTime() - createdAt.getTime())} ago)`]],
  ['Operation id', ({ id }) => id],
];

const operations = (heading: string, rows: readonly FleetOperation[], now: Date): Html =>
  html`<h3>${heading}</h3>
    ${table(heading, rows, operationColumns(now))}`;

function bellsOf(bells: QueueDepth | undefined, now: Date): Html {
  if (!bells) return html`<p>${bad('Redis does not answer.')} The sweepers of the workers ring for what is due.</p>`;
  const { waiting, active, delayed, failed, oldestWaitingSince } = bells;
  const oldest = oldestWaitingSince ? lengthOf(now.getTime() - oldestWaitingSince.getTime()) : 'none waits';
  return html`<p>
    Bells in Redis: ${waiting} waiting, ${active} being answered, ${delayed} for later, ${failed} failed; the oldest that waits:
    ${oldest}.
    <a href="/fleet/queue">Look at each</a>
  </p>`;
}

function queueOf({ queue, bells, now }: FleetFacts): Content {
  const age = queue.oldestDueSeconds === null ? 'none' : lengthOf(queue.oldestDueSeconds * 1000);
  const lapsed = queue.expiredLeases > 0 ? bad(`${queue.expiredLeases} leases have run out.`) : 'No lease has run out.';
  return [
    html`<p>
      Operations that are due and that nobody works on: ${queue.due}; the oldest is past its time by: ${age}. ${lapsed}
    </p>`,
    bellsOf(bells, now),
    html`<h3>Unfinished operations</h3>`,
    table('Unfinished operations', queue.unfinished, [
      ['Kind', ({ kind }) => kind],
      ['Pending', ({ pending }) => pending],
      ['Running', ({ running }) => running],
    ]),
    html`<h3>Workers</h3>`,
    table('Workers', queue.workers, [
      ['Worker', ({ name }) => name],
      ['Leases', ({ leases }) => leases],
      ['Until', ({ leaseUntil }) => when(new Date(leaseUntil))],
    ]),
    html`<h3>Steps that fail again and again</h3>`,
    table('Steps that fail again and again', queue.failing, [
      ['Kind', ({ kind }) => kind],
      ['Step', ({ step }) => step],
      ['Failures', ({ failures }) => failures],
      ['Operation id', ({ operationId }) => operationId],
    ]),
  ];
}

const ROLLOUT: readonly Column<FleetRollout>[] = [
  ['Task', ({ task, consulVersion }) => [task, consulVersion ? ` to ${consulVersion}` : null]],
  ['State', ({ state, pauseReason }) => (state === 'Paused' ? [bad('Paused.'), ' ', pauseReason] : state)],
  ['Wave', ({ wave, waves }) => `${wave} of ${waves}`],
  ['Clusters', ({ counts }) => Object.entries(counts).flatMap(([state, count]) => (count > 0 ? `${state} ${count} ` : []))],
  ['Ticket', ({ ticket, reason }) => `${ticket}: ${reason}`],
  ['Begun', ({ createdAt }) => when(createdAt)],
  ['Rollout id', ({ id }) => id],
];

const FREEZE: readonly Column<Freeze>[] = [
  ['Scope', ({ scope, value }) => [scope, ' ', value]],
  ['Until', ({ until }) => when(until)],
  ['Ticket', ({ ticket, reason }) => `${ticket}: ${reason}`],
];

const EMISSION: readonly Column<UsageEmission>[] = [
  ['State', ({ state }) => bad(state)],
  ['Hour', ({ hour }) => when(hour)],
  ['Dimension', ({ dimension }) => dimension],
  ['Quantity', ({ quantity }) => quantity.toFixed()],
  ['What Azure said', ({ problem }) => problem],
  ['Installation id', ({ installationId }) => installationId],
];

const MISMATCH: readonly Column<UsageMismatch>[] = [
  ['Day', ({ day }) => day.toISOString().slice(0, 10)],
  ['Dimension', ({ dimension }) => dimension],
  ['Sent', ({ sentQuantity }) => sentQuantity.toFixed()],
  ['Reported', ({ submittedQuantity }) => submittedQuantity.toFixed()],
  ['Azure says', ({ reconStatus }) => reconStatus],
];

const SECTIONS = [
  ['overview', 'Overview'],
  ['troubled', 'Clusters with problems'],
  ['operations', 'Operations'],
  ['queue', 'Queue'],
  ['rollouts', 'Rollouts and freezes'],
  ['usage', 'Usage'],
  ['clusters', 'All clusters'],
] as const;
const heading = Object.fromEntries(SECTIONS) as Record<(typeof SECTIONS)[number][0], string>;

const HEADER = html`<header>
  <h1>Fleet</h1>
  <nav aria-label="Sections">
    <ul>
      ${SECTIONS.map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`)}
    </ul>
  </nav>
  <form method="post" action="/fleet/sign-out"><button>Sign out</button></form>
</header>`;

/** The page of the whole fleet. */
export function fleetPage(facts: FleetFacts): string {
  const { now, counts, troubled, clusters, filter, nextPageToken } = facts;
  const next = nextPageToken === null ? null : html`<p><a href="${addressOf(filter, nextPageToken)}">Next page</a></p>`;
  return document('Fleet', [
    HEADER,
    html`<main>
      <p>As of ${when(now)}. Lists without pages show the first ${SHOWN}; the operators' API has the rest.</p>
      ${section(
        'overview',
        heading.overview,
        html`<div class="counts">
          ${countsOf('State', counts.states)}${countsOf('Region', counts.regions)}${countsOf('Version', counts.versions)}
        </div>`,
        filterForm(facts),
      )}
      ${section('troubled', heading.troubled, table(heading.troubled, troubled, [...CLUSTER.slice(0, 1), ['What is wrong', wrongWith], ...CLUSTER.slice(1), ...IDS]))}
      ${section(
        'operations',
        heading.operations,
        operations('Overdue', facts.overdue, now),
        operations('Running', facts.running, now),
        operations('Failed', facts.failed, now),
      )}
      ${section('queue', heading.queue, queueOf(facts))}
      ${section(
        'rollouts',
        heading.rollouts,
        table('Rollouts in progress', facts.rollouts, ROLLOUT, 'No rollout is in progress.'),
        html`<h3>Freezes</h3>`,
        table('Freezes', facts.freezes, FREEZE, 'Nothing is frozen.'),
      )}
      ${section(
        'usage',
        heading.usage,
        table('Usage that the Marketplace has not taken', facts.emissions, EMISSION, 'The Marketplace refuses nothing.'),
        html`<h3>Days for which Azure says something else</h3>`,
        table('Days for which Azure says something else', facts.mismatches, MISMATCH),
      )}
      ${section('clusters', heading.clusters, table(heading.clusters, clusters, [...CLUSTER, ...IDS, ['Made', ({ createdAt }) => when(createdAt)]]), next)}
    </main>`,
  ]);
}

/** The page for whoever has not signed in. It tells nothing of the fleet, nor whether a token was good. */
export const signInPage = (problem?: string): string =>
  document(
    'Sign in',
    html`<main>
      <h1>Sign in</h1>
      ${problem === undefined ? null : html`<p role="alert">${bad(problem)}</p>`}
      <form method="post" action="/fleet/sign-in">
        <p>
          <label for="token">Access token</label
          ><textarea id="token" name="token" rows="6" required autocomplete="off" spellcheck="false"></textarea>
        </p>
        <button>Sign in</button>
      </form>
    </main>`,
  );
