import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';

const run = promisify(execFile);

const sampleCustomerSchema = z.object({
  tenantId: z.string(),
  clientId: z.string(),
  clientSecret: z.string(),
  objectId: z.string(),
  subscriptionId: z.string(),
  resourceGroup: z.string(),
  installationId: z.string(),
});

/** The part of `./hcs status --json` that tests and benchmarks lean on. */
const serviceStatusSchema = z.object({
  state: z.string(),
  stateFolder: z.string(),
  components: z.array(
    z.object({
      name: z.string(),
      pid: z.number().nullable(),
      port: z.number().nullable(),
      otherPorts: z.record(z.string(), z.number()),
    }),
  ),
  api: z.object({ url: z.string(), audience: z.string() }),
  adminApi: z.object({ url: z.string() }),
  azure: z.object({ endpoint: z.string(), authority: z.string(), caFile: z.string() }),
  database: z.object({ url: z.string() }),
  redis: z.object({ url: z.string() }),
  samples: z.object({
    customer: sampleCustomerSchema,
    otherCustomer: sampleCustomerSchema.partial({ installationId: true }),
    applicationDefinitionId: z.string(),
  }),
  cluster: z.object({ id: z.string() }).nullable(),
});

export type ServiceStatus = z.infer<typeof serviceStatusSchema>;
export type SampleCustomer = ServiceStatus['samples']['customer'];

/** Asks the running service of this checkout where everything is. */
export async function serviceStatus(): Promise<ServiceStatus> {
  return serviceStatusOf(process.env);
}

/** The same of the service that `./hcs` means in `env`. */
export async function serviceStatusOf(env: NodeJS.ProcessEnv): Promise<ServiceStatus> {
  const { stdout } = await run('./hcs', ['status', '--json'], { env });
  return serviceStatusSchema.parse(JSON.parse(stdout));
}
