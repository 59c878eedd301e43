/** Prints the path, version and SHA-256 of the Consul program, fetching it when needed. */
import { findConsulBinary } from './consul-binary';

const found = await findConsulBinary({ say: (line) => console.error(line) });
console.log(JSON.stringify(found, undefined, 2));
