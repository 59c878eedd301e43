import { expect, test } from 'vitest';
import { isPrivate, parseNetworkRange } from './index';

test.each([
  ['10.0.0.0/8', true],
  ['10.255.255.0/24', true],
  ['172.16.0.0/12', true],
  ['172.31.255.0/24', true],
  ['192.168.0.0/16', true],
  ['11.0.0.0/24', false],
  ['172.15.255.0/24', false],
  ['192.169.0.0/24', false],
  ['127.0.0.0/8', false],
  ['0.0.0.0/0', false],
])('%s is private: %s', (cidr, expected) => {
  const range = parseNetworkRange(cidr);
  expect(range !== undefined && isPrivate(range)).toBe(expected);
});

test.each(['10.0.0.0/33', '10.0.0/24', '10.0.0.0/24 ', '10.0.0.0/', '::/64', '10.0.0.128/24', '300.0.0.0/8'])(
  '%j is no range',
  (cidr) => {
    expect(parseNetworkRange(cidr)).toBeUndefined();
  },
);
