import type { CatalogNode, GossipMember } from '@managed-consul/consul';
import { describe, expect, it } from 'vitest';
import { staleNodes } from './stale-nodes';

const node = (name: string, id: string): CatalogNode => ({ name, id, address: '10.0.0.4' });
const member = (name: string, id: string, hasLeft = false): GossipMember => ({ name, id, address: '10.0.0.4', hasLeft });

describe('staleNodes', () => {
  it('names nodes without an agent in the cluster', () => {
    expect(staleNodes([node('server-0', 'a'), node('other-server-0', 'b')], [member('server-0', 'a')])).toEqual([
      'other-server-0',
    ]);
  });

  it('names a node that stands for another machine of the same name', () => {
    expect(staleNodes([node('server-0', 'old')], [member('server-0', 'new')])).toEqual(['server-0']);
  });

  it('names a node whose agent has said goodbye, and none that only fails', () => {
    const members = [member('gone', 'a', true), member('failing', 'b')];
    expect(staleNodes([node('gone', 'a'), node('failing', 'b')], members)).toEqual(['gone']);
  });

  it('goes by the name where an id is not told', () => {
    expect(staleNodes([node('server-0', '')], [member('server-0', 'a')])).toEqual([]);
    expect(staleNodes([node('server-0', 'a')], [member('server-0', '')])).toEqual([]);
  });
});
