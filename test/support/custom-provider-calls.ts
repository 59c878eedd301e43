import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { z } from 'zod';
import { hcsOperations } from '@managed-consul/api-contract';
import type { Customer } from './customer';
import type { ServiceStatus } from './service-status';

type OperationName = keyof typeof hcsOperations;

/** Longer than Azure waits for the endpoint of a custom provider. */
const PATIENCE_MS = 70_000;

interface ArmCall {
  url: URL;
  method: string;
  token: string;
  ca: string;
  body: string | undefined;
}

function askArm({ url, method, token, ca, body }: ArmCall): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const asked = request(url, { method, ca, headers, timeout: PATIENCE_MS, agent: false }, (answer) => {
      let text = '';
      answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    asked.on('timeout', () => asked.destroy(new Error(`${method} ${url.pathname} was not answered`)));
    asked.on('error', reject);
    asked.end(body);
  });
}

/** Where an operation of the HCS API is asked for. */
export interface HcsTarget {
  resourceGroup: string;
  /** Name of the cluster, for the operations that have one. */
  cluster: string;
}

/**
 * Asks for an operation of the HCS API as its clients do: from Azure Resource Manager with the customer's own token, which
 * forwards it to the service. Gives the answer, proved by its schema; throws for a refusal.
 */
export async function askThroughAzure<Name extends OperationName>(
  { status, customer }: { status: ServiceStatus; customer: Customer },
  { resourceGroup, cluster }: HcsTarget,
  name: Name,
  body: object = {},
): Promise<z.output<(typeof hcsOperations)[Name]['answer']>> {
  const { method, path, answer } = hcsOperations[name];
  const { endpoint, caFile } = status.azure;
  const place = path
    .replace('{subscriptionId}', customer.identity.subscriptionId)
    .replace('{resourceGroup}', resourceGroup)
    .replace('{name}', cluster);
  const { token } = await customer.credential.getToken(`${endpoint}/.default`);
  const url = new URL(`${endpoint}${place}?api-version=2018-09-01-preview`);
  const content = method === 'POST' ? JSON.stringify(body) : undefined;
  const { status: code, text } = await askArm({ url, method, token, ca: readFileSync(caFile, 'utf8'), body: content });
  if (code !== 200) throw new Error(`${name} was answered with ${code}: ${text}`);
  return answer.parse(JSON.parse(text)) as z.output<(typeof hcsOperations)[Name]['answer']>;
}
