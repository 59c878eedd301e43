/** The service's name in ids. */
export const NAMESPACE = 'Microsoft.Solutions';
/** Full type of a definition. */
export const DEFINITION_TYPE = `${NAMESPACE}/applicationDefinitions`;

/** Offered to clients that ask which versions there are; requests with others are served alike. */
export const API_VERSIONS = [
  '2023-12-01-preview',
  '2021-07-01',
  '2020-08-21-preview',
  '2019-07-01',
  '2018-09-01-preview',
  '2018-06-01',
] as const;
