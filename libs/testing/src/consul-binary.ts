import { findConsulBinary, type ConsulBinary } from '../../../tools/consul-binary/consul-binary';

let found: Promise<ConsulBinary> | undefined;

/** The real Consul program (path, version, SHA-256), found or fetched once; the first fetch on a machine takes some seconds. */
export function consulBinary(): Promise<ConsulBinary> {
  found ??= findConsulBinary();
  return found;
}
