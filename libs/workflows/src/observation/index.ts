export { countServiceInstances } from './count-service-instances';
export { lookAtAzure, takeAzureInventory, type SeenResource } from './look-at-azure';
export { lookAtFederation } from './look-at-federation';
export { lookAtServers, type Looking } from './look-at-servers';
export { lookForMissingServers } from './look-for-missing';
