export { lookAtServers, type Looking } from './look-at-servers';
