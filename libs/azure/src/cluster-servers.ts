import { idOf, SERVERS_POOL } from './cluster-network';
import { RESOURCE_TYPES, SUBNET_NAME, type ClusterNames } from './names';

/** Debian 13: carries cloud-init, and a Node that runs the agent (`renderCloudConfig` says which). */
const SERVER_IMAGE = { publisher: 'Debian', offer: 'debian-13', sku: '13-gen2', version: 'latest' };

/** Nobody signs in to a server; Azure wants a name all the same. */
const ADMINISTRATOR = 'consuladmin';

/** Disk for Consul's data, kept apart from the system so that an image can be replaced. */
const DATA_DISK_GIB = 64;

/** What a scale set is made from. */
export interface ServersDescription {
  names: ClusterNames;
  publicEndpoint: boolean;
  /** Public half of a key whose private half was never kept: Azure refuses a Linux machine without one. */
  sshPublicKey: string;
}

const networkProfile = ({ names, publicEndpoint }: ServersDescription) => {
  const balancers = [names.loadBalancer, ...(publicEndpoint ? [names.publicLoadBalancer] : [])];
  return {
    networkInterfaceConfigurations: [
      {
        name: 'consul',
        properties: {
          primary: true,
          ipConfigurations: [
            {
              name: 'consul',
              properties: {
                primary: true,
                subnet: { id: idOf(`${RESOURCE_TYPES.virtualNetwork}/subnets`, names.virtualNetwork, SUBNET_NAME) },
                loadBalancerBackendAddressPools: balancers.map((balancer) => ({
                  id: idOf(`${RESOURCE_TYPES.loadBalancer}/backendAddressPools`, balancer, SERVERS_POOL),
                })),
              },
            },
          ],
        },
      },
    ],
  };
};

const storageProfile = () => ({
  imageReference: SERVER_IMAGE,
  osDisk: { createOption: 'FromImage', caching: 'ReadWrite', managedDisk: { storageAccountType: 'Premium_LRS' } },
  dataDisks: [
    {
      lun: 0,
      createOption: 'Empty',
      caching: 'None',
      diskSizeGB: DATA_DISK_GIB,
      managedDisk: { storageAccountType: 'Premium_LRS' },
    },
  ],
});

/** Properties of the scale set: no server is ever replaced but by the service (`Manual`), none is made in excess. */
export function scaleSetProperties(description: ServersDescription) {
  return {
    orchestrationMode: 'Uniform',
    overprovision: false,
    upgradePolicy: { mode: 'Manual' },
    virtualMachineProfile: {
      osProfile: {
        computerNamePrefix: description.names.computerNamePrefix,
        adminUsername: ADMINISTRATOR,
        customData: "[base64(parameters('customData'))]",
        linuxConfiguration: {
          disablePasswordAuthentication: true,
          ssh: { publicKeys: [{ path: `/home/${ADMINISTRATOR}/.ssh/authorized_keys`, keyData: description.sshPublicKey }] },
        },
      },
      storageProfile: storageProfile(),
      networkProfile: networkProfile(description),
    },
  };
}
