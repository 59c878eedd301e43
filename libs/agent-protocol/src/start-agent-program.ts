/**
 * Text of `start-agent.mjs`, the only program that cloud-config puts on a machine: it brings the agent's bundle, checks
 * its SHA-256 and runs it. It must run on a bare Node 20, so it uses nothing but Node; it trusts nothing but the CA file
 * beside the configuration and the hash in it. A bundle that was checked once is kept in `$STATE_DIRECTORY/agent`, so
 * that a machine restarts without the gateway.
 */
export const START_AGENT_PROGRAM = `import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const ANSWER_TIMEOUT_MS = 30_000;
const MAX_BUNDLE_BYTES = 64 * 1024 * 1024;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 15_000;

const say = (level, msg, fields = {}) =>
  console.log(JSON.stringify({ level, time: new Date().toISOString(), app: 'start-agent', msg, ...fields }));

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 12)) {
  say('error', 'The agent needs Node 20.12 or newer', { found: process.versions.node });
  process.exit(1);
}

const folder = process.env.CONFIGURATION_DIRECTORY;
const state = process.env.STATE_DIRECTORY;
if (!folder || !state) {
  say('error', 'CONFIGURATION_DIRECTORY and STATE_DIRECTORY must be set; systemd sets them for the unit');
  process.exit(1);
}

const { gatewayUrl, bundleSha256 } = JSON.parse(readFileSync(join(folder, 'agent.json'), 'utf8'));
const ca = readFileSync(join(folder, 'gateway-ca.pem'));
const home = join(state, 'agent');
const bundle = join(home, 'agent-' + bundleSha256 + '.mjs');
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

function download() {
  return new Promise((resolve, reject) => {
    const url = new URL('/artifacts/' + bundleSha256, gatewayUrl);
    const request = get(url, { ca, agent: false, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) }, (answer) => {
      if (answer.statusCode !== 200) {
        answer.resume();
        reject(new Error('the gateway answered ' + answer.statusCode));
        return;
      }
      const parts = [];
      let size = 0;
      answer.on('data', (part) => {
        size += part.length;
        if (size > MAX_BUNDLE_BYTES) request.destroy(new Error('the bundle is larger than it may be'));
        else parts.push(part);
      });
      answer.on('end', () => resolve(Buffer.concat(parts)));
      answer.on('error', reject);
    });
    request.on('error', reject);
  });
}

function bundleIsHere() {
  try {
    return sha256(readFileSync(bundle)) === bundleSha256;
  } catch {
    return false;
  }
}

async function bring() {
  const bytes = await download();
  if (sha256(bytes) !== bundleSha256) throw new Error('the bundle does not have the SHA-256 that was asked for');
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const unfinished = bundle + '.' + process.pid + '.part';
  writeFileSync(unfinished, bytes, { mode: 0o400 });
  chmodSync(unfinished, 0o400);
  renameSync(unfinished, bundle);
}

for (let attempt = 0; !bundleIsHere(); attempt += 1) {
  try {
    await bring();
  } catch (error) {
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
    const pause = longest / 2 + (Math.random() * longest) / 2;
    say('warn', 'The agent could not be downloaded yet', { reason: error.message, nextTryMs: Math.round(pause) });
    await wait(pause);
  }
}
await import(pathToFileURL(bundle).href);
`;
