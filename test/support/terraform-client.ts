import type { z } from 'zod';
import { HCS_PROVIDER_PATH, hcsOperations } from '@managed-consul/api-contract';
import { minutes } from '@managed-consul/config';
import { until } from '@managed-consul/testing';
import type { SampleCustomer, ServiceStatus } from './service-status';
import { sendOnWire, type WireReply } from './wire-request';

type HcsOperationName = keyof typeof hcsOperations;
type Answer<Name extends HcsOperationName> = z.output<(typeof hcsOperations)[Name]['answer']>;

const ARM = 'management.azure.com';
const APPLICATIONS = 'api-version=2019-07-01';
const CUSTOM_PROVIDERS = 'api-version=2018-09-01-preview';

/** What its HTTP client sends again, three times, after `Retry-After`. */
const SENT_AGAIN = [408, 429, 500, 502, 503, 504];

/** A managed application as the provider reads it. */
export interface WireApplication {
  id: string;
  name: string;
  managedResourceGroupId: string;
  tags: Record<string, string>;
}

/**
 * Sends what Terraform's provider for the original service sends, in its wire form: tokens of version 1, Azure's own names, the
 * managed group's whole id percent-encoded, two slashes before an id. Only its waits are shorter.
 */
export class TerraformClient {
  readonly #status: ServiceStatus;
  readonly #customer: SampleCustomer;
  #token = '';

  constructor(status: ServiceStatus, customer: SampleCustomer) {
    this.#status = status;
    this.#customer = customer;
  }

  get groupId(): string {
    const { subscriptionId, resourceGroup } = this.#customer;
    return `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}`;
  }

  applicationId(name: string): string {
    return `${this.groupId}/providers/Microsoft.Solutions/applications/${name}`;
  }

  async signIn(resource: string): Promise<void> {
    const { tenantId, clientId, clientSecret } = this.#customer;
    const form = { client_id: clientId, client_secret: clientSecret, grant_type: 'client_credentials', resource };
    const { body } = await sendOnWire(this.#status.azure, {
      method: 'POST',
      host: 'login.microsoftonline.com',
      path: `/${tenantId}/oauth2/token?api-version=1.0`,
      body: new URLSearchParams(form).toString(),
      type: 'application/x-www-form-urlencoded',
    });
    this.#token = String(body['access_token']);
  }

  /** A public document, which is read without a token. */
  async read(host: string, path: string): Promise<Record<string, unknown>> {
    const { status, body } = await sendOnWire(this.#status.azure, { method: 'GET', host, path });
    if (status !== 200) throw new Error(`${host}${path} was answered with ${status}`);
    return body;
  }

  /** Asks Resource Manager. */
  async arm(method: string, path: string, body?: object): Promise<WireReply> {
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    for (let attempt = 0; ; attempt += 1) {
      const reply = await sendOnWire(this.#status.azure, { method, host: ARM, path, token: this.#token, ...content });
      if (!SENT_AGAIN.includes(reply.status) || attempt === 3) return reply;
    }
  }

  /** Throws for anything but 200 and 201, which is all that the provider takes. */
  async demand(method: string, path: string, body?: object): Promise<WireReply> {
    const reply = await this.arm(method, path, body);
    if (reply.status === 200 || reply.status === 201) return reply;
    throw new Error(`${method} ${path} was answered with ${reply.status}: ${JSON.stringify(reply.body)}`);
  }

  /** Orders an application and follows the order to its end. */
  async order(name: string, order: object): Promise<WireApplication> {
    const ordered = await this.demand('PUT', `${this.applicationId(name)}?${APPLICATIONS}`, order);
    const poll = new URL(String(ordered.headers['azure-asyncoperation']));
    const state = await until(
      async () => {
        const { body } = await this.demand('GET', `${poll.pathname}${poll.search}`);
        return ['Succeeded', 'Failed', 'Canceled'].includes(String(body['status'])) ? body : undefined;
      },
      { within: minutes(2), because: `${name} is set up` },
    );
    if (state['status'] !== 'Succeeded') throw new Error(`The order ended: ${JSON.stringify(state)}`);
    return this.application(name);
  }

  async application(name: string): Promise<WireApplication> {
    const { body } = await this.demand('GET', `/${this.applicationId(name)}?${APPLICATIONS}`);
    const { id, tags, properties } = body as unknown as WireApplication & { properties: WireApplication };
    return { id, name: String(body['name']), managedResourceGroupId: properties.managedResourceGroupId, tags };
  }

  #provider(managedGroupId: string): string {
    const [, below] = HCS_PROVIDER_PATH.split('{resourceGroup}');
    return `/${encodeURIComponent(managedGroupId)}${below ?? ''}`;
  }

  /** Calls an action; `resourceGroup` is what the provider writes there, which differs by action. */
  async act<Name extends HcsOperationName>(
    name: Name,
    { managedResourceGroupId }: WireApplication,
    resourceGroup: string,
    more: object = {},
  ): Promise<Answer<Name>> {
    const { path, answer } = hcsOperations[name];
    const address = `${this.#provider(managedResourceGroupId)}${path.slice(HCS_PROVIDER_PATH.length)}?${CUSTOM_PROVIDERS}`;
    const body = { resourceGroup, subscriptionId: this.#customer.subscriptionId, ...more };
    return answer.parse((await this.demand('POST', address, body)).body) as Answer<Name>;
  }

  /** Asks how an operation stands until it is done, naming the application where its group belongs. Throws when it failed. */
  async finish(application: WireApplication, operation: { id?: string | undefined } | undefined): Promise<void> {
    const done = await until(
      async () => {
        const asked = await this.act('GetOperation', application, application.name, { operationId: operation?.id });
        return asked.operation?.state === 'DONE' ? asked.operation : undefined;
      },
      { within: minutes(2), because: 'the operation is done' },
    );
    if (done.error) throw new Error(`The operation failed: ${JSON.stringify(done.error)}`);
  }

  async cluster({ managedResourceGroupId }: WireApplication, name: string): Promise<Answer<'GetCluster'>> {
    const path = `${this.#provider(managedResourceGroupId)}/consulClusters/${name}?${CUSTOM_PROVIDERS}`;
    return hcsOperations.GetCluster.answer.parse((await this.demand('GET', path)).body);
  }

  /** Destroys an application and waits until Azure has done so. */
  async destroy(name: string): Promise<void> {
    const deleted = await this.arm('DELETE', `/${this.applicationId(name)}?${APPLICATIONS}`);
    const poll = new URL(String(deleted.headers.location));
    const last = await until(
      async () => {
        const reply = await this.arm('GET', `${poll.pathname}${poll.search}`);
        return reply.status === 202 ? undefined : reply;
      },
      { within: minutes(2), because: `${name} is gone` },
    );
    if (![200, 204].includes(last.status)) throw new Error(`The delete ended with ${last.status}: ${JSON.stringify(last.body)}`);
  }
}
