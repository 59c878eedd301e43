import { SUBNET_NAME, type ClusterNames } from './names';

/** A resource in a template; `properties` is what the type's interface calls for. */
export interface TemplateResource {
  type: string;
  apiVersion: string;
  name: string;
  /** What belongs to another resource has neither place nor tags of its own. */
  location?: string;
  tags?: Readonly<Record<string, string>>;
  dependsOn?: string[];
  [field: string]: unknown;
}

/** An expression that gives the id of a resource of the same resource group. */
export const idOf = (type: string, ...names: string[]): string =>
  `[resourceId('${type}', ${names.map((name) => `'${name}'`).join(', ')})]`;

/** Ports of Consul's HTTPS interface and user interface. */
export const HTTPS_PORT = 8501;

interface OpenPort {
  name: string;
  protocol: 'Tcp' | 'Udp';
  ports: string;
}

/** Consul's ports (its documentation, "Required ports"): server RPC, gossip in the datacenter and between datacenters, HTTPS, gRPC, DNS. */
const CONSUL_PORTS: readonly OpenPort[] = [
  { name: 'server-rpc', protocol: 'Tcp', ports: '8300' },
  { name: 'gossip-tcp', protocol: 'Tcp', ports: '8301' },
  { name: 'gossip-udp', protocol: 'Udp', ports: '8301' },
  { name: 'https', protocol: 'Tcp', ports: String(HTTPS_PORT) },
  { name: 'grpc', protocol: 'Tcp', ports: '8502-8503' },
  { name: 'dns-tcp', protocol: 'Tcp', ports: '8600' },
  { name: 'dns-udp', protocol: 'Udp', ports: '8600' },
  { name: 'wan-gossip-tcp', protocol: 'Tcp', ports: '8302' },
  { name: 'wan-gossip-udp', protocol: 'Udp', ports: '8302' },
];

const rule = (
  name: string,
  priority: number,
  access: 'Allow' | 'Deny',
  from: string,
  port: Pick<OpenPort, 'protocol' | 'ports'> | 'any',
) => ({
  name,
  properties: {
    priority,
    direction: 'Inbound',
    access,
    protocol: port === 'any' ? '*' : port.protocol,
    sourceAddressPrefix: from,
    sourcePortRange: '*',
    destinationAddressPrefix: 'VirtualNetwork',
    destinationPortRange: port === 'any' ? '*' : port.ports,
  },
});

/**
 * Inbound rules: Consul's ports from the virtual network and its peers, probes from Azure's load balancer, nothing else;
 * HTTPS from the internet only when the customer asked for a public endpoint.
 */
export function securityRules(publicEndpoint: boolean): ReturnType<typeof rule>[] {
  const fromNetwork = CONSUL_PORTS.map((port, index) =>
    rule(`allow-${port.name}`, 100 + index * 10, 'Allow', 'VirtualNetwork', port),
  );
  const fromInternet = publicEndpoint
    ? [rule('allow-public-https', 300, 'Allow', 'Internet', { protocol: 'Tcp', ports: String(HTTPS_PORT) })]
    : [];
  const probes = rule('allow-probes', 400, 'Allow', 'AzureLoadBalancer', { protocol: 'Tcp', ports: String(HTTPS_PORT) });
  return [...fromNetwork, ...fromInternet, probes, rule('deny-everything-else', 4096, 'Deny', '*', 'any')];
}

/** The one subnet. Outbound traffic leaves through the NAT gateway: new networks have no other way out. */
export const subnet = (names: ClusterNames, networkCidr: string) => ({
  name: SUBNET_NAME,
  properties: {
    addressPrefix: networkCidr,
    defaultOutboundAccess: false,
    networkSecurityGroup: { id: idOf('Microsoft.Network/networkSecurityGroups', names.securityGroup) },
    natGateway: { id: idOf('Microsoft.Network/natGateways', names.natGateway) },
    serviceEndpoints: [{ service: 'Microsoft.Storage' }],
  },
});

export const SERVERS_POOL = 'servers';
const FRONTEND = 'frontend';
const PROBE = 'https';

/** Properties of a load balancer that spreads HTTPS over the servers. */
export function balancerProperties(name: string, frontend: Record<string, unknown>, zones: Record<string, unknown>) {
  const type = 'Microsoft.Network/loadBalancers';
  return {
    frontendIPConfigurations: [{ name: FRONTEND, ...zones, properties: frontend }],
    backendAddressPools: [{ name: SERVERS_POOL }],
    probes: [{ name: PROBE, properties: { protocol: 'Tcp', port: HTTPS_PORT, intervalInSeconds: 5, numberOfProbes: 2 } }],
    loadBalancingRules: [
      {
        name: 'https',
        properties: {
          protocol: 'Tcp',
          frontendPort: HTTPS_PORT,
          backendPort: HTTPS_PORT,
          frontendIPConfiguration: { id: idOf(`${type}/frontendIPConfigurations`, name, FRONTEND) },
          backendAddressPool: { id: idOf(`${type}/backendAddressPools`, name, SERVERS_POOL) },
          probe: { id: idOf(`${type}/probes`, name, PROBE) },
          // Outbound traffic is the NAT gateway's.
          disableOutboundSnat: true,
          idleTimeoutInMinutes: 15,
          enableTcpReset: true,
        },
      },
    ],
  };
}
