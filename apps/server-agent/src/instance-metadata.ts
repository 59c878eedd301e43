import { seconds } from '@managed-consul/config';
import { z } from 'zod';
import { call } from './http-call';

/** This machine as Azure knows it. */
export interface Instance {
  vmId: string;
  name: string;
  /** First private IPv4 address of the first interface. */
  address: string;
}

const instanceSchema = z.object({
  compute: z.object({ vmId: z.string().min(1), name: z.string().min(1) }),
  network: z.object({
    interface: z.tuple(
      [z.object({ ipv4: z.object({ ipAddress: z.tuple([z.object({ privateIpAddress: z.ipv4() })], z.unknown()) }) })],
      z.unknown(),
    ),
  }),
});
const tokenSchema = z.object({ access_token: z.string().min(1) });

const TIMEOUT = seconds(10);

/** Azure's instance metadata service (IMDS): https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service */
export class InstanceMetadata {
  readonly #host: string;

  constructor(host: string) {
    this.#host = host;
  }

  async readInstance(): Promise<Instance> {
    const { compute, network } = instanceSchema.parse(
      await this.#get('/metadata/instance', { 'api-version': '2021-02-01', format: 'json' }),
    );
    return { vmId: compute.vmId, name: compute.name, address: network.interface[0].ipv4.ipAddress[0].privateIpAddress };
  }

  /** An access token of the machine's only managed identity for `audience`. */
  async readToken(audience: string): Promise<string> {
    const answer = await this.#get('/metadata/identity/oauth2/token', { 'api-version': '2018-02-01', resource: audience });
    return tokenSchema.parse(answer).access_token;
  }

  async #get(path: string, query: Record<string, string>): Promise<unknown> {
    const url = new URL(`${path}?${new URLSearchParams(query).toString()}`, this.#host);
    const { status, body } = await call({ url, headers: { metadata: 'true' }, timeout: TIMEOUT });
    if (status !== 200) throw new Error(`The instance metadata service answered ${status} to ${path}.`);
    return body;
  }
}
