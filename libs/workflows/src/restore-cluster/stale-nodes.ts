import type { CatalogNode, GossipMember } from '@managed-consul/consul';

/**
 * Names of the nodes that a restore brought into the catalog although no agent of theirs is in the cluster: servers that were
 * replaced since, clients that have left, everything of another cluster. `nodes` are those that once ran an agent; nodes that
 * were registered from outside are nobody's to remove. A node is its id: one of the same name on another machine is stale.
 */
export function staleNodes(nodes: readonly CatalogNode[], members: readonly GossipMember[]): string[] {
  const present = members.filter(({ hasLeft }) => !hasLeft);
  const isPresent = ({ name, id }: CatalogNode): boolean =>
    present.some((member) => member.name === name && (id === '' || member.id === '' || member.id === id));
  return nodes.filter((node) => !isPresent(node)).map(({ name }) => name);
}
