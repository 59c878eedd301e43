import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import { seconds } from '@managed-consul/config';
import type { DesiredState } from '@managed-consul/agent-protocol';
import { z } from 'zod';
import { ApplyError } from './apply-error';
import type { ConsulBinary } from './consul-binary';
import { CONSUL_PATHS, type ConsulFolder } from './consul-folder';

const VALIDATE_TIMEOUT = seconds(30);
const DEFAULT_HTTPS_PORT = 8501;
const DEFAULT_RPC_PORT = 8300;

/** How Consul's HTTPS API on this machine is reached. */
export interface ConsulAddress {
  host: string;
  port: number;
  /** Where the servers speak to each other. */
  rpcPort: number;
  /** Name in Consul's certificate. */
  serverName: string;
  /** Authority of its certificate; undefined for a throw-away server, which speaks plain HTTP on loopback. */
  ca: string | undefined;
}

const addressSchema = z.object({
  bind_addr: z.ipv4(),
  ports: z.object({ https: z.number().int().positive(), server: z.number().int().positive() }).partial().optional(),
});

/** Where the Consul of a desired state listens. Throws `ApplyError` `ConfigurationInvalid` when the configuration does not say. */
export function addressOf({ configuration, datacenter, caCertificate }: DesiredState): ConsulAddress {
  const parsed = addressSchema.safeParse(configuration);
  if (!parsed.success)
    throw new ApplyError(
      'ConfigurationInvalid',
      'The configuration names no bind_addr, or an HTTPS port that is none.',
      parsed.error,
    );
  const { bind_addr: host, ports } = parsed.data;
  return {
    host,
    port: ports?.https ?? DEFAULT_HTTPS_PORT,
    rpcPort: ports?.server ?? DEFAULT_RPC_PORT,
    serverName: `server.${datacenter}.consul`,
    ca: caCertificate,
  };
}

/** Lets Consul itself judge the candidate configuration. Throws `ApplyError` `ConfigurationInvalid` with Consul's words. */
export async function validateCandidate(binary: ConsulBinary, folder: ConsulFolder, signal: AbortSignal): Promise<void> {
  const options = { cwd: folder.path, env: { PATH: '/usr/bin:/bin' }, timeout: VALIDATE_TIMEOUT, signal, maxBuffer: 1024 * 1024 };
  await new Promise<void>((resolve, reject) => {
    execFile(binary.path, ['validate', CONSUL_PATHS.candidate], options, (error, stdout, stderr) => {
      if (!error) {
        resolve();
        return;
      }
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const words = `${stdout}\n${stderr}`.trim().split('\n').slice(-5).join(' ').slice(0, 1000);
      reject(new ApplyError('ConfigurationInvalid', `Consul refuses the configuration: ${words}`, error));
    });
  });
}

/** Whether Consul's HTTPS API finishes a TLS handshake with this certificate, which its cluster's authority signed. */
export function consulShows(certificatePem: string, { host, port, serverName, ca }: ConsulAddress): Promise<boolean> {
  const { fingerprint256 } = new X509Certificate(certificatePem);
  return new Promise((resolve) => {
    const socket = connect({ host, port, servername: serverName, ca, timeout: seconds(2) });
    const end = (answers: boolean) => {
      socket.destroy();
      resolve(answers);
    };
    socket.once('secureConnect', () => end(socket.getPeerCertificate().fingerprint256 === fingerprint256));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}
