import { z } from 'zod';
import { ArmError } from '../arm/arm-error';
import { namedPart } from './network-body';
import { parseAddress, parseRange } from './cidr';

/** One of `options` in any case; read in the case of `options`. */
const choice = (options: readonly string[]) =>
  z.string().transform((value, context) => {
    const found = options.find((option) => option.toLowerCase() === value.toLowerCase());
    if (found !== undefined) return found;
    context.addIssue({ code: 'custom', message: `'${value}' is not one of ${options.join(', ')}` });
    return z.NEVER;
  });

/** Properties of a rule of a security group. */
export const securityRuleProperties = z.looseObject({
  priority: z.number().int(),
  direction: choice(['Inbound', 'Outbound']),
  access: choice(['Allow', 'Deny']),
  protocol: choice(['Tcp', 'Udp', 'Icmp', 'Esp', 'Ah', '*']),
  sourceAddressPrefix: z.string().optional(),
  sourceAddressPrefixes: z.array(z.string()).optional(),
  destinationAddressPrefix: z.string().optional(),
  destinationAddressPrefixes: z.array(z.string()).optional(),
  sourcePortRange: z.string().optional(),
  sourcePortRanges: z.array(z.string()).optional(),
  destinationPortRange: z.string().optional(),
  destinationPortRanges: z.array(z.string()).optional(),
});

/** A rule by its name. */
export const securityRule = namedPart(securityRuleProperties);
export type SecurityRule = z.output<typeof securityRule>;

/** Service tags begin with a capital letter: `VirtualNetwork`, `AzureLoadBalancer`, `Storage.WestEurope`. */
const isServiceTag = (prefix: string): boolean => /^[A-Z][A-Za-z0-9.]*$/.test(prefix);

function isPortRange(range: string): boolean {
  if (range === '*') return true;
  const [low, high = low, ...rest] = range.split('-').map((port) => (/^\d{1,5}$/.test(port) ? Number(port) : Number.NaN));
  return rest.length === 0 && low !== undefined && high !== undefined && low >= 0 && high <= 65_535 && low <= high;
}

function checkSide(rule: SecurityRule, side: 'source' | 'destination'): void {
  const { properties } = rule;
  const prefixes = [properties[`${side}AddressPrefix`], ...(properties[`${side}AddressPrefixes`] ?? [])].filter(
    (one) => one !== undefined,
  );
  const ports = [properties[`${side}PortRange`], ...(properties[`${side}PortRanges`] ?? [])].filter((one) => one !== undefined);
  const title = side === 'source' ? 'Source' : 'Destination';
  if (prefixes.length === 0 || ports.length === 0) {
    const what = prefixes.length === 0 ? 'AddressPrefix' : 'PortRange';
    throw new ArmError(
      400,
      'SecurityRuleParameterNotSpecified',
      `Required security rule parameter ${title}${what} of rule ${rule.name} is not specified.`,
    );
  }
  for (const prefix of prefixes) {
    const isAddress = parseAddress(prefix) !== undefined || parseRange(prefix) !== undefined;
    if (prefix === '*' || isAddress || isServiceTag(prefix)) continue;
    throw new ArmError(
      400,
      'SecurityRuleInvalidAddressPrefix',
      `Security rule ${rule.name} has invalid Address prefix. Value provided: ${prefix}`,
    );
  }
  for (const range of ports) {
    if (isPortRange(range)) continue;
    throw new ArmError(
      400,
      'SecurityRuleInvalidPortRange',
      `Security rule ${rule.name} has invalid Port range. Value provided: ${range}. Value should be an integer OR integer range with '-' delimiter. Valid range 0-65535.`,
    );
  }
}

/** Checks the rules of a group, one by one and against each other. Throws `SecurityRule…` (400). */
export function checkSecurityRules(rules: readonly SecurityRule[]): void {
  const taken = new Map<string, string>();
  for (const rule of rules) {
    const { priority, direction } = rule.properties;
    if (priority < 100 || priority > 4096) {
      throw new ArmError(
        400,
        'SecurityRuleInvalidPriority',
        `Security rule has invalid Priority. Value provided: ${priority} Allowed range 100-4096.`,
      );
    }
    const other = taken.get(`${direction}/${priority}`);
    if (other !== undefined) {
      throw new ArmError(
        400,
        'SecurityRuleConflict',
        `Security rule ${rule.name} conflicts with rule ${other}. Rules cannot have the same Priority and Direction.`,
      );
    }
    taken.set(`${direction}/${priority}`, rule.name);
    checkSide(rule, 'source');
    checkSide(rule, 'destination');
  }
}
