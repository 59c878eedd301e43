/** A token as far as a comparison needs it: nothing secret. */
export interface TokenFacts {
  accessorId: string;
  description: string;
  /** Names of the policies that it has. */
  policies: string[];
}

/** What a restore does to the tokens of a cluster. */
export interface TokenChanges {
  /** Alive now and not in the snapshot: a restore ends them. */
  vanishing: TokenFacts[];
  /** In the snapshot and revoked since: a restore would bring them back, so they are revoked again. */
  revokedSince: TokenFacts[];
  /** In the snapshot and lost to an earlier restore, not to a revocation: they come back and stay. */
  comingBack: TokenFacts[];
}

/** What an earlier restore of the same cluster did to tokens, by accessor. */
export interface EarlierRestore {
  vanished: readonly string[];
  cameBack: readonly string[];
}

/** Consul's token for requests without a token; it cannot be revoked. */
const ANONYMOUS = '00000000-0000-0000-0000-000000000002';

/**
 * Whether a token that is gone was lost to a restore. Only the latest restore that says something about it counts: one that
 * ended it while it was alive means that nobody revoked it; one that brought it back means that it was alive afterwards.
 */
function wasLostToRestore(accessorId: string, earlierNewestFirst: readonly EarlierRestore[]): boolean {
  const last = earlierNewestFirst.find(
    ({ vanished, cameBack }) => vanished.includes(accessorId) || cameBack.includes(accessorId),
  );
  return last?.vanished.includes(accessorId) ?? false;
}

/**
 * Compares the tokens that are alive with those of a snapshot. `own` are accessors of the service's tokens in the cluster:
 * they are made again after every restore, so they are no news. Earlier restores come newest first.
 */
export function compareTokens(input: {
  alive: readonly TokenFacts[];
  inSnapshot: readonly TokenFacts[];
  own: readonly string[];
  earlier: readonly EarlierRestore[];
}): TokenChanges {
  const { alive, inSnapshot, own, earlier } = input;
  const untold = new Set([ANONYMOUS, ...own]);
  const missingIn = (others: readonly TokenFacts[]) => {
    const known = new Set(others.map(({ accessorId }) => accessorId));
    return ({ accessorId }: TokenFacts) => !known.has(accessorId) && !untold.has(accessorId);
  };
  const gone = inSnapshot.filter(missingIn(alive));
  return {
    vanishing: alive.filter(missingIn(inSnapshot)),
    revokedSince: gone.filter(({ accessorId }) => !wasLostToRestore(accessorId, earlier)),
    comingBack: gone.filter(({ accessorId }) => wasLostToRestore(accessorId, earlier)),
  };
}

/** Most tokens that a sentence names; the rest is counted. */
const NAMED = 5;

const nameOf = ({ accessorId, description }: TokenFacts): string =>
  description === '' ? accessorId : `${accessorId} (${description})`;

/** Tokens in words: the first by accessor and description, the rest as a number. */
export function listTokens(tokens: readonly TokenFacts[]): string {
  const named = tokens.slice(0, NAMED).map(nameOf).join(', ');
  const more = tokens.length - NAMED;
  return more > 0 ? `${named} and ${more} more` : named;
}

const tokensIn = (count: number): string => (count === 1 ? '1 token' : `${count} tokens`);

/** The changes as the customer reads them, one sentence each; nothing for what does not happen. */
export function describeTokenChanges({ vanishing, revokedSince, comingBack }: TokenChanges): string[] {
  const said = (tokens: readonly TokenFacts[], what: string) =>
    tokens.length === 0 ? [] : [`${tokensIn(tokens.length)} ${what}: ${listTokens(tokens)}.`];
  return [
    ...said(vanishing, 'made after the snapshot will stop working'),
    ...said(revokedSince, 'revoked after the snapshot will stay revoked'),
    ...said(comingBack, 'lost to an earlier restore will work again'),
  ];
}
