/** The document behind `/metadata/instance`, in the shape of Azure's instance metadata service, and how paths walk it. */
import type { MachineRecord } from './machine.types';

type Node = string | { readonly [key: string]: Node } | readonly Node[];

/** Where the machine's address lies: the block that all machines share stands for their subnet. */
export interface MachineSubnet {
  readonly networkAddress: string;
  readonly prefixLength: number;
}

function computeSection({ vmId, description }: MachineRecord): Node {
  const { image, tags } = description;
  const scaleSetId = description.resourceId.split('/').slice(0, -2).join('/');
  return {
    azEnvironment: 'AzurePublicCloud',
    // Azure leaves it empty: custom data is given to the machine only at its first boot.
    customData: '',
    evictionPolicy: '',
    isHostCompatibilityLayerVm: 'false',
    licenseType: '',
    location: description.location,
    name: description.name,
    offer: image.offer,
    osProfile: {
      adminUsername: description.adminUsername,
      computerName: description.computerName,
      disablePasswordAuthentication: 'true',
    },
    osType: 'Linux',
    placementGroupId: '',
    plan: { name: '', product: '', publisher: '' },
    platformFaultDomain: '0',
    platformUpdateDomain: '0',
    priority: 'Regular',
    provider: 'Microsoft.Compute',
    publicKeys: [],
    publisher: image.publisher,
    resourceGroupName: description.resourceGroupName,
    resourceId: description.resourceId,
    sku: image.sku,
    storageProfile: {
      dataDisks: [],
      imageReference: { ...image, id: '' },
      osDisk: { caching: 'ReadWrite', createOption: 'FromImage', osType: 'Linux' },
    },
    subscriptionId: description.subscriptionId,
    tags: Object.entries(tags)
      .map(([name, value]) => `${name}:${value}`)
      .join(';'),
    tagsList: Object.entries(tags).map(([name, value]) => ({ name, value })),
    userData: '',
    version: image.version,
    virtualMachineScaleSet: { id: scaleSetId },
    vmId,
    vmScaleSetName: description.vmScaleSetName,
    vmSize: description.vmSize,
    zone: description.zone ?? '',
  };
}

/** A network card's hardware address, made of the machine's own so that it is unique and stays. */
export function macAddressOf(address: string): string {
  return ['00', '0D', ...address.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0').toUpperCase())].join('');
}

function networkSection({ address }: MachineRecord, subnet: MachineSubnet): Node {
  return {
    interface: [
      {
        ipv4: {
          ipAddress: [{ privateIpAddress: address, publicIpAddress: '' }],
          subnet: [{ address: subnet.networkAddress, prefix: String(subnet.prefixLength) }],
        },
        ipv6: { ipAddress: [] },
        macAddress: macAddressOf(address),
      },
    ],
  };
}

/** Everything that a machine can read about itself. */
export function instanceDocument(record: MachineRecord, subnet: MachineSubnet): Node {
  return { compute: computeSection(record), network: networkSection(record, subnet) };
}

/** The part of a document that a path names, or undefined. Lists are walked by index. */
export function walkDocument(document: Node, segments: readonly string[]): Node | undefined {
  return segments.reduce<Node | undefined>((node, segment) => {
    if (node === undefined || typeof node === 'string') return undefined;
    if (Array.isArray(node)) return /^\d+$/.test(segment) ? (node as readonly Node[])[Number(segment)] : undefined;
    return Object.hasOwn(node, segment) ? (node as { readonly [key: string]: Node })[segment] : undefined;
  }, document);
}

/** A node as `format=text` gives it: a value as it is, a branch as the names of its children, branches marked by a slash. */
export function toText(node: Node): string {
  if (typeof node === 'string') return node;
  const children = Array.isArray(node)
    ? (node as readonly Node[]).map((child, index) => [String(index), child] as const)
    : Object.entries(node);
  return children.map(([name, child]) => (typeof child === 'string' ? name : `${name}/`)).join('\n');
}
