import type { BreakGlassRole } from '@managed-consul/database';

const READ = ['agent_prefix', 'node_prefix', 'service_prefix', 'session_prefix'];
const rulesOf = (prefixes: Readonly<Record<string, string>>, operator: string): string =>
  [`operator = "${operator}"`, ...Object.entries(prefixes).map(([name, policy]) => `${name} "" { policy = "${policy}" }`)].join(
    '\n',
  );

/**
 * What each role may do in Consul. Neither has a rule for `key`, `acl` or `keyring`: what customers store, tokens and gossip keys
 * are nobody's business in an emergency.
 */
export const BREAK_GLASS_POLICIES: Readonly<Record<BreakGlassRole, { name: string; description: string; rules: string }>> = {
  Diagnostics: {
    name: 'managed-consul-break-glass-diagnostics',
    description: 'The service in an emergency: look at members, Raft and the catalogue',
    rules: rulesOf(Object.fromEntries(READ.map((prefix) => [prefix, 'read'])), 'read'),
  },
  Repair: {
    name: 'managed-consul-break-glass-repair',
    description: 'The service in an emergency: repair Raft, agents and the catalogue',
    rules: rulesOf(Object.fromEntries(READ.map((prefix) => [prefix, 'write'])), 'write'),
  },
};
