import { describe, expect, it } from 'vitest';
import { hcsOperations } from './hcs-operations';

describe('the HCS API in our own form', () => {
  it('has 20 operations on 18 paths', () => {
    const operations = Object.values(hcsOperations);
    expect(operations).toHaveLength(20);
    expect(new Set(operations.map((operation) => operation.path)).size).toBe(18);
  });

  it('has 64-bit integers as digits in a string', () => {
    const { answer } = hcsOperations.GetSnapshot;
    expect(answer.safeParse({ snapshot: { size: '9007199254740993' } }).success).toBe(true);
    expect(answer.safeParse({ snapshot: { size: 12 } }).success).toBe(false);
  });

  it('refuses an answer with a field or a spelling that the API does not have', () => {
    expect(hcsOperations.GetCluster.answer.safeParse({ properties: { state: 'UPDATING' } }).success).toBe(false);
    expect(hcsOperations.GetConfig.answer.safeParse({ gossipKey: 'x' }).success).toBe(false);
  });

  it('passes over what a request has beyond', () => {
    expect(hcsOperations.CreateToken.body.parse({ resourceGroup: 'g', more: 1 })).toEqual({ resourceGroup: 'g' });
  });
});
