/** The service's name in ids. */
export const NAMESPACE = 'Microsoft.Network';

/** Offered to clients that ask which versions there are; requests with others are served alike. */
export const API_VERSIONS = [
  '2026-01-01',
  '2025-01-01',
  '2024-07-01',
  '2024-05-01',
  '2023-11-01',
  '2020-05-01',
  '2018-10-01',
] as const;
