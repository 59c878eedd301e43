import type { NetworkManagementClient } from '@azure/arm-network';

/** A network security group, and with whose rights it is reached. */
export interface SecurityGroup {
  network: NetworkManagementClient;
  group: string;
  name: string;
}

/** Turns the rule that lets Consul's HTTPS in into one that refuses it, and opens everything to the internet. */
export async function alterSecurityRules({ network, group, name }: SecurityGroup): Promise<void> {
  const present = await network.networkSecurityGroups.get(group, name);
  const rules = (present.securityRules ?? [])
    .filter((rule) => rule.name !== 'open')
    .map((rule) => (rule.name === 'allow-https' ? { ...rule, access: 'Deny' as const } : rule));
  const open = {
    ...{ name: 'open', priority: 4000, direction: 'Inbound', access: 'Allow', protocol: '*' },
    ...{ sourceAddressPrefix: 'Internet', sourcePortRange: '*', destinationAddressPrefix: '*', destinationPortRange: '*' },
  };
  const securityRules = [...rules, open];
  await network.networkSecurityGroups.beginCreateOrUpdateAndWait(
    group,
    name,
    { ...present, securityRules },
    { updateIntervalInMs: 200 },
  );
}

/** The rules as Azure has them, by name, each with what it says. */
export async function readSecurityRules({ network, group, name }: SecurityGroup): Promise<Record<string, string>> {
  const { securityRules } = await network.networkSecurityGroups.get(group, name);
  return Object.fromEntries((securityRules ?? []).map((rule) => [rule.name ?? '', rule.access ?? '']));
}
