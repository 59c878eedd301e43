/** Debian's `az` as a customer's script runs it, apart from whatever else is configured on this computer. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { minutes } from '@managed-consul/config';

const run = promisify(execFile);

/** Why tests of `az` are skipped here; undefined where it can be run. */
export const azMissing: string | undefined =
  spawnSync('az', ['--version'], { stdio: 'ignore' }).error === undefined ? undefined : 'az is not installed (Debian: azure-cli)';

/** One configuration folder, one sign-in. */
export class AzureCli {
  readonly #folder = mkdtempSync(join(tmpdir(), 'managed-consul-az-'));
  readonly #environment: NodeJS.ProcessEnv;

  /** By the emulator's proxy, or else straight to Azure. */
  constructor(emulated?: { proxy: string; caFile: string }) {
    const quiet = { AZURE_CORE_COLLECT_TELEMETRY: '0', AZURE_CORE_ONLY_SHOW_ERRORS: '1' };
    this.#environment = { PATH: process.env['PATH'], AZURE_CONFIG_DIR: this.#folder, ...quiet };
    if (!emulated) return;
    const { proxy, caFile } = emulated;
    const trust = { REQUESTS_CA_BUNDLE: caFile, SSL_CERT_FILE: caFile };
    Object.assign(this.#environment, trust, { HTTPS_PROXY: proxy, NO_PROXY: 'localhost,127.0.0.1' });
  }

  /** What `az …` prints as JSON; undefined when it prints nothing. Rejects with what it says when it fails. */
  async run(...args: readonly string[]): Promise<unknown> {
    const { stdout } = await run('az', [...args, '--output', 'json'], { env: this.#environment, timeout: minutes(3) });
    return stdout.trim() === '' ? undefined : JSON.parse(stdout);
  }

  signIn({ clientId, secret, tenantId }: { clientId: string; secret: string; tenantId: string }): Promise<unknown> {
    return this.run('login', '--service-principal', '-u', clientId, '-p', secret, '--tenant', tenantId);
  }

  dispose(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
