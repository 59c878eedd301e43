import { NetworkManagementClient } from '@azure/arm-network';
import type { AzureConnection } from './connection';
import { findInAzure } from './errors';

/** Load balancers and public addresses of one subscription, as far as a cluster's endpoints need them. */
export class LoadBalancers {
  readonly #client: NetworkManagementClient;

  constructor(connection: AzureConnection, subscriptionId: string) {
    this.#client = new NetworkManagementClient(connection.credential, subscriptionId, connection.options);
  }

  /** Private address of an internal load balancer; undefined when there is none, or it has no address yet. */
  async findPrivateAddress(resourceGroup: string, name: string): Promise<string | undefined> {
    const balancer = await findInAzure(`read the load balancer ${name}`, () =>
      this.#client.loadBalancers.get(resourceGroup, name),
    );
    return balancer?.frontendIPConfigurations?.find(({ privateIPAddress }) => privateIPAddress)?.privateIPAddress;
  }

  /** A public address by name; undefined when there is none, or it has no address yet. */
  async findPublicAddress(resourceGroup: string, name: string): Promise<string | undefined> {
    const address = await findInAzure(`read the public address ${name}`, () =>
      this.#client.publicIPAddresses.get(resourceGroup, name),
    );
    return address?.ipAddress;
  }
}
