/**
 * Federations as a domain: tokens that let another cluster follow a primary datacenter, the request for such a cluster, and who
 * belongs together. Requests write rows and nothing else; workers act. Knows no Azure and no Consul.
 */
export { createFederationToken, FEDERATION_TOKEN_LIFETIME, type CreatedFederationToken } from './federation-token.request';
export { showUsedFederationToken } from './federation-token';
export { findPrimaryOf, getFederation, type FederatedCluster, type Federation, type FederationState } from './federation-reads';
export { findSecondaryProblems, requestSecondaryCluster, type SecondaryClusterWish } from './secondary.request';
