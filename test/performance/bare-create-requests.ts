/**
 * The least that accepting a create can be: Fastify, the rows of the request in one statement through node-postgres, and one
 * BullMQ job. No token, no validation, no rules. Run as a process of its own; prints its port.
 */
import { randomUUIDv7 } from 'node:crypto';
import { Queue } from 'bullmq';
import { fastify } from 'fastify';
import pg from 'pg';

const [databaseUrl, redisUrl] = process.argv.slice(2) as [string, string];
const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 });
const queue = new Queue('operations', { connection: { url: redisUrl } });

interface CreateBody {
  installationId: string;
  name: string;
  networkCidr: string;
  email: string;
}

const STORE = `
  WITH cluster AS (
    INSERT INTO clusters (id, installation_id, name, datacenter, region, consul_version, servers, vm_size, network_cidr, email, plan_id,
      created_at, updated_at)
    VALUES ($1, $2, $3, $3, 'westeurope', '1.8.7', 3, 'Standard_D2s_v3', $4, $5, 'on-demand', $7, $7)
  ), operation AS (
    INSERT INTO operations (id, kind, subject, cluster_id, installation_id, lane, requested_by, created_at, wake_at)
    VALUES ($6, 'create-cluster', 'cluster/' || $1::text, $1, $2, 'Change', 'bare', $7, $7)
  ), audit AS (
    INSERT INTO audit_events (at, actor_id, action, installation_id, cluster_id, operation_id) VALUES ($7, 'bare', 'create-cluster', $2, $1, $6)
  )
  INSERT INTO cluster_events (cluster_id, operation_id, type, message, at) VALUES ($1, $6, 'CreateRequested', 'Creation was requested.', $7)`;

const server = fastify();
server.post<{ Body: CreateBody }>('/v1/clusters', async (request, reply) => {
  const { installationId, name, networkCidr, email } = request.body;
  const [id, operationId, now] = [randomUUIDv7(), randomUUIDv7(), new Date()];
  await pool.query({ name: 'store', text: STORE, values: [id, installationId, name, networkCidr, email, operationId, now] });
  await queue.add('operation', { operationId }, { jobId: `operation-${operationId}-0`, removeOnComplete: true });
  return reply.status(202).send({ cluster: { id, installationId, name, networkCidr, email }, operation: { id: operationId } });
});

const address = await server.listen({ host: '127.0.0.1', port: 0 });
console.log(new URL(address).port);
