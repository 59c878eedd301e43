import { z } from 'zod';
import { SecretValue, type Milliseconds } from '@managed-consul/config';
import { TransientError } from '@managed-consul/errors';
import type { ConsulConnection } from './connection';

/** Accessor of the token that stands for "no token", in every Consul. */
export const ANONYMOUS_TOKEN_ACCESSOR = '00000000-0000-0000-0000-000000000002';
/** Consul's built-in policy that allows everything. */
export const GLOBAL_MANAGEMENT_POLICY = 'global-management';

const policySchema = z.object({
  ID: z.string(),
  Name: z.string(),
  Description: z.string().default(''),
  Rules: z.string().optional(),
});
export type ConsulPolicy = z.infer<typeof policySchema>;

const tokenSchema = z.object({
  AccessorID: z.string(),
  Description: z.string().default(''),
  Policies: z
    .array(z.object({ Name: z.string() }))
    .nullish()
    .transform((policies) => policies ?? []),
  NodeIdentities: z
    .array(z.object({ NodeName: z.string() }))
    .nullish()
    .transform((identities) => identities ?? []),
});
/** A token without its secret: nothing that reads tokens needs it. */
export type ConsulToken = z.infer<typeof tokenSchema>;

const replicationSchema = z.object({
  Enabled: z.boolean(),
  Running: z.boolean(),
  SourceDatacenter: z.string().default(''),
  ReplicationType: z.string().default(''),
  ReplicatedTokenIndex: z.number().default(0),
  /** Of rounds of copying; Go's zero time where there was none. */
  LastSuccess: z.coerce.date().default(new Date(0)),
  LastError: z.coerce.date().default(new Date(0)),
});
type AccessControlReplication = z.infer<typeof replicationSchema>;

/** A token as it is to be: the accessor and the secret are ours, so that making it twice makes one. */
export interface WantedToken {
  accessorId: string;
  secretId: SecretValue;
  description: string;
  policies?: readonly string[];
  /** Rights of the agent of that node and nothing else (Consul 1.8.1 and later). */
  nodeIdentity?: { nodeName: string; datacenter: string };
  /** Consul itself takes the token away after this, 1 min to 24 h; counted from when it is made, and never changed. */
  expiresIn?: Milliseconds;
}

const tokenBody = (wanted: WantedToken, local: boolean): Record<string, unknown> => ({
  ...(local ? { Local: true } : {}),
  AccessorID: wanted.accessorId,
  SecretID: wanted.secretId.reveal(),
  Description: wanted.description,
  Policies: (wanted.policies ?? []).map((Name) => ({ Name })),
  ...(wanted.nodeIdentity
    ? { NodeIdentities: [{ NodeName: wanted.nodeIdentity.nodeName, Datacenter: wanted.nodeIdentity.datacenter }] }
    : {}),
});

/** Policies and tokens. Every `ensure…` may run twice. */
export class AccessControl {
  readonly #connection: ConsulConnection;
  readonly #tokensAreLocal: boolean;

  /** `tokensAreLocal`: tokens are made for this datacenter alone; without it they are the primary's, and good everywhere. */
  constructor(connection: ConsulConnection, { tokensAreLocal = false }: { tokensAreLocal?: boolean | undefined } = {}) {
    this.#connection = connection;
    this.#tokensAreLocal = tokensAreLocal;
  }

  /** Makes the policy of that name, or brings its rules up to date. */
  async ensurePolicy(wanted: { name: string; description: string; rules: string }): Promise<void> {
    const body = { Name: wanted.name, Description: wanted.description, Rules: wanted.rules };
    const known = (await this.#connection.ask(z.array(policySchema), '/v1/acl/policies')).find(
      ({ Name }) => Name === wanted.name,
    );
    const path = known ? `/v1/acl/policy/${known.ID}` : '/v1/acl/policy';
    await this.#connection.tell(path, { method: 'PUT', body: known ? { ...body, ID: known.ID } : body });
  }

  /** Makes the token with its accessor and secret, or brings its rights up to date. */
  async ensureToken(wanted: WantedToken): Promise<void> {
    const known = await this.findToken(wanted.accessorId);
    const path = known ? `/v1/acl/token/${wanted.accessorId}` : '/v1/acl/token';
    const end = known || wanted.expiresIn === undefined ? {} : { ExpirationTTL: `${Math.ceil(wanted.expiresIn / 1000)}s` };
    await this.#connection.tell(path, { method: 'PUT', body: { ...tokenBody(wanted, this.#tokensAreLocal), ...end } });
  }

  /** Gives requests without a token exactly these policies. */
  async setAnonymousPolicies(policies: readonly string[]): Promise<void> {
    await this.#connection.tell(`/v1/acl/token/${ANONYMOUS_TOKEN_ACCESSOR}`, {
      method: 'PUT',
      body: {
        AccessorID: ANONYMOUS_TOKEN_ACCESSOR,
        Description: 'Anonymous Token',
        Policies: policies.map((Name) => ({ Name })),
      },
    });
  }

  /** Gives requests without a token this policy beside those that they have. */
  async addAnonymousPolicy(policy: string): Promise<void> {
    const present = (await this.findToken(ANONYMOUS_TOKEN_ACCESSOR))?.Policies.map(({ Name }) => Name) ?? [];
    if (!present.includes(policy)) await this.setAnonymousPolicies([...present, policy]);
  }

  /** Accessor of the connection's own token. */
  async ownAccessor(): Promise<string> {
    return (await this.#connection.ask(z.object({ AccessorID: z.string() }), '/v1/acl/token/self')).AccessorID;
  }

  /** Undefined when there is no token of that accessor. Consul answers 403 or 404 for it, by version. */
  async findToken(accessorId: string): Promise<ConsulToken | undefined> {
    const { status, text } = await this.#connection.read(`/v1/acl/token/${accessorId}`, { alsoAnswers: [403, 404] });
    if (status === 200) return tokenSchema.parse(JSON.parse(text));
    // 403 stands for two things: there is no such token, or the server does not know the token that asks.
    if (status === 403 && !(await this.isAccepted()))
      throw new TransientError('Consul does not know the management token here yet.');
    return undefined;
  }

  /** The secret of a token; undefined when there is none of that accessor. Needs `acl:write`. */
  async findTokenSecret(accessorId: string): Promise<SecretValue | undefined> {
    if (!(await this.findToken(accessorId))) return undefined;
    const { SecretID } = await this.#connection.ask(z.object({ SecretID: z.string() }), `/v1/acl/token/${accessorId}`);
    return new SecretValue(SecretID);
  }

  async listTokens(): Promise<ConsulToken[]> {
    return this.#connection.ask(z.array(tokenSchema), '/v1/acl/tokens');
  }

  /** Makes the token's secret worthless; gone already is as good. */
  async removeToken(accessorId: string): Promise<void> {
    if (!(await this.findToken(accessorId))) return;
    await this.#connection.tell(`/v1/acl/token/${accessorId}`, { method: 'DELETE' });
  }

  /** How far a secondary datacenter has come with copying its primary's access rules. */
  async replication(): Promise<AccessControlReplication> {
    return this.#connection.ask(replicationSchema, '/v1/acl/replication');
  }

  /** Whether the connection's own token is known to the server that is asked. */
  async isAccepted(): Promise<boolean> {
    const { status } = await this.#connection.read('/v1/acl/token/self', { alsoAnswers: [403] });
    return status === 200;
  }
}
