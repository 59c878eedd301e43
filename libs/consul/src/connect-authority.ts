import type { SecretValue } from '@managed-consul/config';
import { z } from 'zod';
import type { ConsulConnection } from './connection';

const rootsSchema = z.object({
  ActiveRootID: z.string(),
  Roots: z.array(
    z.object({
      ID: z.string(),
      Active: z.boolean(),
      RootCert: z.string(),
      NotAfter: z.iso.datetime({ offset: true }),
      /** Of a root that was rotated in: itself, signed by the one before, for whoever trusts only that one. */
      IntermediateCerts: z
        .array(z.string())
        .nullish()
        .transform((certificates) => certificates ?? []),
    }),
  ),
});
/** The mesh's authorities: the active one signs, the others are still trusted. */
export type ConnectRoots = z.infer<typeof rootsSchema>;

const configurationSchema = z.looseObject({ Provider: z.string(), Config: z.record(z.string(), z.unknown()) });

const leafSchema = z.object({ CertPEM: z.string(), ValidBefore: z.iso.datetime({ offset: true }) });
/** A certificate of a service of the mesh, with what leads to its root behind it. Its key is left out. */
export type ConnectLeaf = z.infer<typeof leafSchema>;

/** The authority of Consul's service mesh, with Consul's built-in provider. */
export class ConnectAuthority {
  readonly #connection: ConsulConnection;

  constructor(connection: ConsulConnection) {
    this.#connection = connection;
  }

  async roots(): Promise<ConnectRoots> {
    return this.#connection.ask(rootsSchema, '/v1/connect/ca/roots');
  }

  /** Name of what signs for the mesh: `consul` for the built-in provider, `vault` and others for one of the customer's. */
  async provider(): Promise<string> {
    return (await this.#connection.ask(configurationSchema, '/v1/connect/ca/configuration')).Provider;
  }

  /**
   * Gives the built-in provider a new key (PEM, EC P-256), for which it makes a new root, cross-signed by the one before.
   * The same key again changes nothing. All other settings stay.
   */
  async rotateTo(privateKey: SecretValue): Promise<void> {
    const { Provider, Config } = await this.#connection.ask(configurationSchema, '/v1/connect/ca/configuration');
    const { RootCert: _rootOfTheKeyBefore, ...settings } = Config;
    const body = { Provider, Config: { ...settings, PrivateKey: privateKey.reveal() }, ForceWithoutCrossSigning: false };
    await this.#connection.tell('/v1/connect/ca/configuration', { method: 'PUT', body });
  }

  /** A certificate for `service`, which need not exist; the server that is asked keeps it for its life. Needs `service:write`. */
  async leaf(service: string): Promise<ConnectLeaf> {
    return this.#connection.ask(leafSchema, `/v1/agent/connect/ca/leaf/${encodeURIComponent(service)}`);
  }
}
