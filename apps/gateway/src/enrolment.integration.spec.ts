import { randomUUID, X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AGENT_PROTOCOL_VERSION, agentIdentityUri, type EnrolResponse } from '@managed-consul/agent-protocol';
import {
  createAgentTestBed,
  newCertificateRequest,
  TEST_AUDIENCE,
  type AgentTestBed,
  type GatewayProcess,
  type TestCluster,
} from '@managed-consul/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let bed: AgentTestBed;
let gateway: GatewayProcess;
let cluster: TestCluster;

beforeAll(async () => {
  bed = await createAgentTestBed();
  gateway = await bed.startGateway();
  cluster = await bed.createCluster();
});
afterAll(() => bed.close());

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  text: string;
  json: EnrolResponse & { error: { code: string; message: string } };
}

interface Ask {
  method?: string;
  body?: string | object;
  headers?: Record<string, string>;
  credential?: { cert: string; key: string };
}

function ask(path: string, { method = 'GET', body, headers = {}, credential }: Ask = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const url = `https://127.0.0.1:${gateway.agentPort}${path}`;
    const sent = request(url, { method, headers, ca: bed.gatewayCaPem, agent: false, ...credential }, (answer) => {
      let text = '';
      answer.setEncoding('latin1').on('data', (part: string) => (text += part));
      answer.on('end', () => {
        const isJson = answer.headers['content-type'] === 'application/json';
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          text,
          json: (isJson ? JSON.parse(text) : {}) as Answer['json'],
        });
      });
    });
    sent.once('error', reject);
    sent.end(typeof body === 'object' ? JSON.stringify(body) : body);
  });
}

const goodToken = () => bed.issuer.issue({ ...cluster, audience: TEST_AUDIENCE });

async function enrolBody(token: string, changes: object = {}): Promise<object> {
  const { request: certificateRequest } = await newCertificateRequest();
  const about = { name: 'vm', address: '10.0.0.4', agentVersion: '1', protocolVersion: AGENT_PROTOCOL_VERSION };
  return { token, certificateRequest, vmId: randomUUID(), ...about, ...changes };
}

const enrol = async (token: string, changes: object = {}) =>
  ask('/enrol', { method: 'POST', body: await enrolBody(token, changes) });

async function enrolled(): Promise<{ vmId: string; credential: { cert: string; key: string } }> {
  const vmId = randomUUID();
  const { request: certificateRequest, keyPem } = await newCertificateRequest();
  const answer = await enrol(await goodToken(), { vmId, certificateRequest });
  return { vmId, credential: { cert: answer.json.certificate, key: keyPem } };
}

const renewBody = async () => ({
  certificateRequest: (await newCertificateRequest()).request,
  address: '10.0.0.5',
  agentVersion: '2',
  protocolVersion: AGENT_PROTOCOL_VERSION,
});

describe('enrolment', () => {
  test('gives a client certificate of a day that says which machine of which cluster it is for, and records it', async () => {
    const vmId = randomUUID();
    const { status, json } = await enrol(await goodToken(), { vmId });
    expect(status).toBe(200);
    expect(json.clusterId).toBe(cluster.id);
    const certificate = new X509Certificate(json.certificate);
    expect(certificate.subjectAltName).toBe(`URI:${agentIdentityUri({ clusterId: cluster.id, vmId })}`);
    expect(certificate.verify(new X509Certificate(json.caCertificates[0] ?? '').publicKey)).toBe(true);
    const lifeHours = (Date.parse(certificate.validTo) - Date.now()) / 3_600_000;
    expect(lifeHours).toBeGreaterThan(23.9);
    expect(lifeHours).toBeLessThan(24.1);
    const row = await bed.database.prisma.agentEnrolment.findUniqueOrThrow({
      where: { clusterId_vmId: { clusterId: cluster.id, vmId } },
    });
    expect(row.certificateSerial).toBe(certificate.serialNumber.toLowerCase());
  });

  test.each([
    ['unsigned', async () => `${(await goodToken()).split('.').slice(0, 2).join('.')}.`, 401],
    [
      'signed by nobody (alg none)',
      async () => {
        const [, payload] = (await goodToken()).split('.');
        return `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${payload}.`;
      },
      401,
    ],
    ['signed by a stranger', () => bed.issuer.issue({ ...cluster, audience: TEST_AUDIENCE, foreignKey: true }), 401],
    ['expired', () => bed.issuer.issue({ ...cluster, audience: TEST_AUDIENCE, expiresInSeconds: -120 }), 401],
    ['for another audience', () => bed.issuer.issue({ ...cluster, audience: 'https://management.azure.com/' }), 401],
    ['by another issuer', () => bed.issuer.issue({ ...cluster, audience: TEST_AUDIENCE, issuer: 'https://evil.example/' }), 401],
    [
      'of no known identity',
      () => bed.issuer.issue({ ...cluster, audience: TEST_AUDIENCE, identityResourceId: '/subscriptions/x/y' }),
      403,
    ],
    ['of a foreign tenant', () => bed.issuer.issue({ ...cluster, audience: TEST_AUDIENCE, tenantId: randomUUID() }), 403],
    ['that is no token', () => Promise.resolve('no-token'), 401],
  ])('refuses a token %s', async (_what, makeToken, status) => {
    const answer = await enrol(await makeToken());
    expect(answer.status).toBe(status);
    expect(answer.json.error.code).toBe(status === 401 ? 'AuthenticationFailed' : 'AuthorizationFailed');
    expect(answer.text).not.toContain('CERTIFICATE');
  });

  test('never asks for the keys of a tenant that it does not serve', async () => {
    const tenantId = randomUUID();
    await enrol(await bed.issuer.issue({ ...cluster, audience: TEST_AUDIENCE, tenantId }));
    expect(bed.issuer.keyFetches.has(tenantId)).toBe(false);
  });

  test('takes the identity in any case, as Azure writes it in several', async () => {
    const token = await bed.issuer.issue({
      ...cluster,
      audience: TEST_AUDIENCE,
      identityResourceId: cluster.identityResourceId.toUpperCase(),
    });
    expect((await enrol(token)).status).toBe(200);
  });

  test('refuses the machines of a deleted cluster', async () => {
    const deleted = await bed.createCluster();
    await bed.database.prisma.cluster.update({ where: { id: deleted.id }, data: { deletedAt: new Date() } });
    expect((await enrol(await bed.issuer.issue({ ...deleted, audience: TEST_AUDIENCE }))).status).toBe(403);
  });

  test('never gives a revoked machine a certificate again', async () => {
    const { vmId, credential } = await enrolled();
    const where = { clusterId_vmId: { clusterId: cluster.id, vmId } };
    await bed.database.prisma.agentEnrolment.update({ where, data: { revokedAt: new Date() } });
    expect((await enrol(await goodToken(), { vmId })).status).toBe(403);
    expect((await ask('/renew', { method: 'POST', body: await renewBody(), credential })).status).toBe(403);
  });

  test.each([
    ['malformed JSON', '{', 400],
    ['a body of 70 kB', 'x'.repeat(70_000), 413],
    ['unknown fields', { token: 'x', surprise: true }, 400],
  ])('refuses %s', async (_what, body, status) => {
    expect((await ask('/enrol', { method: 'POST', body })).status).toBe(status);
  });

  test('refuses a request that does not prove its key, and an agent of another protocol', async () => {
    const { request: one } = await newCertificateRequest();
    const tampered = one.replace(/([A-Za-z0-9+/]{20})(=*\n-----END)/, 'AAAAAAAAAAAAAAAAAAAA$2');
    const refused = await enrol(await goodToken(), { certificateRequest: tampered });
    expect([refused.status, refused.json.error.code]).toEqual([400, 'InvalidCertificateRequest']);
    const old = await enrol(await goodToken(), { protocolVersion: AGENT_PROTOCOL_VERSION + 1 });
    expect([old.status, old.json.error.code]).toEqual([400, 'ProtocolVersionUnsupported']);
  });
});

describe('renewal', () => {
  test('needs the certificate and nothing else, and keeps the identity', async () => {
    const { vmId, credential } = await enrolled();
    const answer = await ask('/renew', { method: 'POST', body: await renewBody(), credential });
    expect(answer.status).toBe(200);
    expect(new X509Certificate(answer.json.certificate).subjectAltName).toContain(vmId);
    expect(answer.json.certificate).not.toBe(credential.cert);
  });

  test('whose answer was lost can be asked for again, with the certificate that the agent still has', async () => {
    const { credential } = await enrolled();
    const renew = async (shown: Ask['credential']) =>
      ask('/renew', { method: 'POST', body: await renewBody(), credential: shown });
    expect((await renew(credential)).status).toBe(200);
    const { request: certificateRequest, keyPem } = await newCertificateRequest();
    const body = { ...(await renewBody()), certificateRequest };
    const answer = await ask('/renew', { method: 'POST', body, credential });
    expect(answer.status).toBe(200);
    expect((await renew({ cert: answer.json.certificate, key: keyPem })).status).toBe(200);
    // Two renewals later the first certificate is good for nothing, though it has not expired.
    const late = await renew(credential);
    expect([late.status, late.json.error.code]).toEqual([403, 'AuthorizationFailed']);
  });

  test('and every other word are refused with the certificate of an enrolment that was replaced', async () => {
    const { vmId, credential } = await enrolled();
    const { request: certificateRequest, keyPem } = await newCertificateRequest();
    const again = await enrol(await goodToken(), { vmId, certificateRequest });
    const replacement = { cert: again.json.certificate, key: keyPem };
    for (const [shown, status] of [[credential, 403] as const, [replacement, 200] as const]) {
      expect((await ask('/state-changed', { method: 'POST', body: {}, credential: shown })).status).toBe(status);
      expect((await ask('/renew', { method: 'POST', body: await renewBody(), credential: shown })).status).toBe(status);
    }
  });

  test('is refused without a certificate and with one that somebody else signed', async () => {
    expect((await ask('/renew', { method: 'POST', body: await renewBody() })).status).toBe(401);
    const { createCertificateAuthority, issueClientCertificate } = await import('@managed-consul/secrets');
    const now = new Date();
    const foreign = await createCertificateAuthority({ commonName: 'Managed Consul agents', now, lifetimeMs: 3_600_000 });
    const { request: certificateRequestPem, keyPem } = await newCertificateRequest();
    const identityUri = agentIdentityUri({ clusterId: cluster.id, vmId: randomUUID() });
    const forged = await issueClientCertificate(foreign, {
      certificateRequestPem,
      identityUri,
      commonName: 'x',
      now,
      lifetimeMs: 3_600_000,
    });
    const credential = { cert: forged.pem, key: keyPem };
    expect((await ask('/renew', { method: 'POST', body: await renewBody(), credential })).status).toBe(401);
  });
});

describe('artifacts', () => {
  test('are served whole, in ranges and for ever, and nothing else of the disk is', async () => {
    const path = join(bed.folder, 'artifact');
    await writeFile(path, '0123456789');
    const sha256 = await bed.addArtifact(path);
    const whole = await ask(`/artifacts/${sha256}`);
    expect([whole.status, whole.text]).toEqual([200, '0123456789']);
    expect(whole.headers['cache-control']).toContain('immutable');
    const part = await ask(`/artifacts/${sha256}`, { headers: { range: 'bytes=2-4' } });
    expect([part.status, part.text, part.headers['content-range']]).toEqual([206, '234', 'bytes 2-4/10']);
    const tail = await ask(`/artifacts/${sha256}`, { headers: { range: 'bytes=-3' } });
    expect([tail.status, tail.text]).toEqual([206, '789']);
    expect((await ask(`/artifacts/${sha256}`, { headers: { range: 'bytes=20-' } })).status).toBe(416);
    const head = await ask(`/artifacts/${sha256}`, { method: 'HEAD' });
    expect([head.status, head.text, head.headers['content-length']]).toEqual([200, '', '10']);
    expect((await ask(`/artifacts/${'0'.repeat(64)}`)).status).toBe(404);
    expect((await ask('/artifacts/..%2f..%2fkey-encryption-key')).status).toBe(404);
  });
});
