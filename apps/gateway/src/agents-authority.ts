import { hours, SecretValue, type Clock } from '@managed-consul/config';
import { createCertificateAuthority, type CertificateAuthority, type SecretStore } from '@managed-consul/secrets';
import { z } from 'zod';

const OWNER = 'control-plane';
const PURPOSE = 'agents-authority';
const LIFETIME = hours(24 * 365 * 10);

const storedSchema = z.object({ certificatePem: z.string(), keyPem: z.string() });

/**
 * The authority that signs agents' client certificates, the same for all replicas. Certificate and key are one secret: of
 * replicas that start at the same time on an empty database each offers one, and all use the one that was stored first.
 */
export async function loadAgentsAuthority(secrets: SecretStore, clock: Clock): Promise<CertificateAuthority> {
  const stored = (await secrets.find(OWNER, PURPOSE)) ?? (await secrets.putIfAbsent(OWNER, PURPOSE, await newAuthority(clock)));
  const { certificatePem, keyPem } = storedSchema.parse(JSON.parse(stored.reveal()));
  return { certificatePem, keyPem: new SecretValue(keyPem) };
}

async function newAuthority(clock: Clock): Promise<SecretValue> {
  const made = await createCertificateAuthority({ commonName: 'Managed Consul agents', now: clock.now(), lifetimeMs: LIFETIME });
  return new SecretValue(JSON.stringify({ certificatePem: made.certificatePem, keyPem: made.keyPem.reveal() }));
}
