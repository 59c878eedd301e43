import { z } from 'zod';
import { ArmError } from '../arm/arm-error';
import { idKey } from '../arm/resource-id';
import { checkUniqueNames, namedPart, reference } from './network-body';

const port = z.number().int().min(0).max(65_535);
const protocol = z.enum(['Tcp', 'Udp', 'All']);

/** Properties of a load balancer. */
export const loadBalancerProperties = z.looseObject({
  frontendIPConfigurations: z
    .array(
      z.looseObject({
        name: z.string().min(1).max(80),
        zones: z.array(z.string()).optional(),
        properties: z.looseObject({
          privateIPAddress: z.string().optional(),
          privateIPAllocationMethod: z.enum(['Static', 'Dynamic']).optional(),
          subnet: reference.optional(),
          publicIPAddress: reference.optional(),
        }),
      }),
    )
    .default([]),
  backendAddressPools: z.array(namedPart(z.looseObject({}).default({}))).default([]),
  probes: z
    .array(
      namedPart(
        z
          .looseObject({
            protocol: z.enum(['Tcp', 'Http', 'Https']),
            port: z.number().int().min(1).max(65_535),
            intervalInSeconds: z.number().int().min(5).default(15),
            numberOfProbes: z.number().int().min(1).default(1),
            requestPath: z.string().optional(),
          })
          .refine(
            (probe) => (probe.protocol === 'Tcp') === (probe.requestPath === undefined),
            'requestPath is required for HTTP and not allowed for TCP',
          ),
      ),
    )
    .default([]),
  loadBalancingRules: z
    .array(
      namedPart(
        z.looseObject({
          protocol,
          frontendPort: port,
          backendPort: port,
          frontendIPConfiguration: reference,
          backendAddressPool: reference.optional(),
          probe: reference.optional(),
          idleTimeoutInMinutes: z.number().int().min(4).max(100).default(4),
        }),
      ),
    )
    .default([]),
  outboundRules: z
    .array(
      namedPart(z.looseObject({ protocol, frontendIPConfigurations: z.array(reference).min(1), backendAddressPool: reference })),
    )
    .default([]),
  inboundNatRules: z
    .array(
      namedPart(
        z.looseObject({ protocol, frontendPort: port.optional(), backendPort: port, frontendIPConfiguration: reference }),
      ),
    )
    .default([]),
});

export type LoadBalancerProperties = z.output<typeof loadBalancerProperties>;

/** The lists of parts that a load balancer is made of; each member is a resource of its own type. */
export const PART_LISTS = [
  'frontendIPConfigurations',
  'backendAddressPools',
  'probes',
  'loadBalancingRules',
  'outboundRules',
  'inboundNatRules',
] as const;
export type PartList = (typeof PART_LISTS)[number];

function requirePart(balancerId: string, owner: string, body: LoadBalancerProperties, list: PartList, wanted: string): void {
  const found = body[list].some(({ name }) => idKey(`${balancerId}/${list}/${name}`) === idKey(wanted));
  if (found) return;
  throw new ArmError(
    400,
    'InvalidResourceReference',
    `Resource ${wanted} referenced by resource ${owner} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region.`,
  );
}

function checkRules(balancerId: string, body: LoadBalancerProperties): void {
  const taken = new Map<string, string>();
  for (const { name, properties } of body.loadBalancingRules) {
    const owner = `${balancerId}/loadBalancingRules/${name}`;
    requirePart(balancerId, owner, body, 'frontendIPConfigurations', properties.frontendIPConfiguration.id);
    if (properties.backendAddressPool)
      requirePart(balancerId, owner, body, 'backendAddressPools', properties.backendAddressPool.id);
    if (properties.probe) requirePart(balancerId, owner, body, 'probes', properties.probe.id);
    const place = `${idKey(properties.frontendIPConfiguration.id)} ${properties.protocol} ${properties.frontendPort}`;
    const other = taken.get(place);
    if (other !== undefined) {
      throw new ArmError(
        400,
        'RulesUseSameFrontendPortProtocolAndIPConfig',
        `Load balancing rules ${other} and ${name} use the same frontend IP configuration, protocol and port.`,
      );
    }
    taken.set(place, name);
  }
  for (const { name, properties } of body.outboundRules) {
    const owner = `${balancerId}/outboundRules/${name}`;
    for (const { id } of properties.frontendIPConfigurations)
      requirePart(balancerId, owner, body, 'frontendIPConfigurations', id);
    requirePart(balancerId, owner, body, 'backendAddressPools', properties.backendAddressPool.id);
  }
  for (const { name, properties } of body.inboundNatRules) {
    requirePart(
      balancerId,
      `${balancerId}/inboundNatRules/${name}`,
      body,
      'frontendIPConfigurations',
      properties.frontendIPConfiguration.id,
    );
  }
}

/** Checks that the parts fit together; what lies outside the body is not looked at. Throws `ArmError` 400. */
export function checkLoadBalancer(balancerId: string, body: LoadBalancerProperties): void {
  for (const list of PART_LISTS) checkUniqueNames(balancerId, body[list]);
  for (const { name, properties } of body.frontendIPConfigurations) {
    if ((properties.subnet === undefined) === (properties.publicIPAddress === undefined)) {
      throw new ArmError(
        400,
        'FrontendIPConfigMustHaveSubnetOrPublicIPOrPrefix',
        `Frontend IP configuration ${balancerId}/frontendIPConfigurations/${name} must reference either a subnet or a public IP address.`,
      );
    }
  }
  const internal = body.frontendIPConfigurations.filter(({ properties }) => properties.subnet).length;
  if (internal !== 0 && internal !== body.frontendIPConfigurations.length) {
    throw new ArmError(
      400,
      'LoadBalancerCannotBeInternalAndPublic',
      `Load balancer ${balancerId} cannot have both internal and public frontend IP configurations.`,
    );
  }
  checkRules(balancerId, body);
}
