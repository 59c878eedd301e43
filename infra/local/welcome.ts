import { relative } from 'node:path';
import { adminApiUrl, apiUrl, azureUrl, type LocalWorld } from './components';
import type { SampleCluster } from './sample-cluster';

/** As short as it can be said from here. */
const shortPath = (path: string): string => {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
};

/** What is printed when everything runs: where things are and what to try next. */
export function welcome(world: LocalWorld, { cluster, caFile }: SampleCluster): string {
  const address = cluster.observed.servers[0]?.address ?? '';
  const name = `server.${cluster.datacenter}.consul`;
  const ca = shortPath(caFile);
  const curl = `curl --cacert ${ca} --connect-to ${name}:8501:${address}:8501`;
  const asCustomer = `curl -H "Authorization: Bearer $(./hcs token)"`;
  const asks = `${asCustomer} -X POST -H 'Content-Type: application/json'`;
  const clusterUrl = `${apiUrl(world)}/v1/clusters/${cluster.id}`;
  return `
The service runs, and the cluster "${cluster.name}" is ready.

  API             ${apiUrl(world)}/v1        (OpenAPI: ${apiUrl(world)}/openapi.json)
  Operators' API  ${adminApiUrl(world)}/admin
  Azure           ${azureUrl(world)}         (CA: ${shortPath(world.folders.caFile)})
  Consul servers  ${cluster.observed.servers.map((server) => `https://${server.address}:8501`).join('  ')}

Try next, in another terminal:
  ./hcs status
  ${asCustomer} ${clusterUrl}
  ${asks} -d '{}' ${clusterUrl}/root-token
  ${asks} -d '{}' ${clusterUrl}/snapshots
  ${asks} -d '{"servers": 5}' ${clusterUrl}/scale
  ${asCustomer} ${clusterUrl}/events
  ${curl} https://${name}:8501/v1/status/peers
  curl -H "Authorization: Bearer $(./hcs token --operator)" ${adminApiUrl(world)}/admin/clusters
  ./hcs azure shell
  ./hcs logs worker --follow

Stop with Ctrl-C, or with ./hcs down from elsewhere; the data stays.`;
}
