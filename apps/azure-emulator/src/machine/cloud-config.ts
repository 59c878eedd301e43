/**
 * Reads a machine's custom data as cloud-init does: a YAML document under `#cloud-config`. What the emulated machine can
 * neither do nor safely leave out is an error, found before the first file is written.
 */
import { gunzipSync } from 'node:zlib';
import { parse } from 'yaml';
import { z } from 'zod';
import { parseSystemctl, type SystemctlCommand } from './systemctl-command';

/** Keys whose effect nothing in an emulated machine can notice: written to the console, not done. */
const RECORDED_KEYS = [
  'package_update',
  'package_upgrade',
  'packages',
  'groups',
  'hostname',
  'fqdn',
  'preserve_hostname',
  'manage_etc_hosts',
  'timezone',
  'locale',
  'ssh_authorized_keys',
  'ssh_pwauth',
  'disable_root',
  'final_message',
] as const;

const ENCODINGS: Readonly<Record<string, 'text' | 'base64' | 'gzip' | 'gzip+base64'>> = {
  'text/plain': 'text',
  b64: 'base64',
  base64: 'base64',
  gz: 'gzip',
  gzip: 'gzip',
  'gz+b64': 'gzip+base64',
  'gz+base64': 'gzip+base64',
  'gzip+b64': 'gzip+base64',
  'gzip+base64': 'gzip+base64',
};

const writtenFile = z.strictObject({
  path: z.string().startsWith('/', 'must be an absolute path'),
  content: z.string().default(''),
  encoding: z.string().default('text/plain'),
  permissions: z.union([z.string().regex(/^(0o)?[0-7]{3,5}$/, 'must be octal, such as "0644"'), z.int()]).default('0644'),
  owner: z
    .string()
    .regex(/^[^:]+(:[^:]+)?$/, 'must be user:group')
    .default('root:root'),
  append: z.boolean().default(false),
  defer: z.boolean().default(false),
});

const account = z.union([z.string(), z.looseObject({ name: z.string() })]);

const cloudConfig = z.strictObject({
  write_files: z.array(writtenFile).default([]),
  users: z.array(account).default([]),
  runcmd: z.array(z.union([z.string(), z.array(z.coerce.string()).min(1)])).default([]),
  ...Object.fromEntries(RECORDED_KEYS.map((key) => [key, z.unknown().optional()])),
});

export interface FileToWrite {
  readonly path: string;
  readonly content: Buffer;
  readonly mode: number;
  readonly user: string;
  readonly append: boolean;
  /** Written after accounts exist, not before. */
  readonly defer: boolean;
}

/** What a machine has to do at its first boot. */
export interface CloudConfig {
  readonly files: readonly FileToWrite[];
  readonly accounts: readonly string[];
  readonly commands: readonly SystemctlCommand[];
  /** Keys that were read and have no effect in an emulated machine. */
  readonly recorded: readonly string[];
}

const NOTHING: CloudConfig = { files: [], accounts: [], commands: [], recorded: [] };

function decodeContent(file: z.infer<typeof writtenFile>): Buffer {
  const encoding = ENCODINGS[file.encoding];
  if (encoding === 'text') return Buffer.from(file.content, 'utf8');
  if (encoding === 'base64') return Buffer.from(file.content, 'base64');
  if (encoding === 'gzip+base64') return gunzipSync(Buffer.from(file.content, 'base64'));
  if (encoding === 'gzip') return gunzipSync(Buffer.from(file.content, 'latin1'));
  throw new Error(`write_files ${file.path}: the encoding "${file.encoding}" is not known.`);
}

function toFile(file: z.infer<typeof writtenFile>): FileToWrite {
  const mode = typeof file.permissions === 'number' ? file.permissions : Number.parseInt(file.permissions.replace('0o', ''), 8);
  const user = file.owner.split(':')[0] ?? 'root';
  return { path: file.path, content: decodeContent(file), mode, user, append: file.append, defer: file.defer };
}

/** YAML 1.1, because that is what cloud-init reads: `0644` is octal, `yes` is true. */
function parseYaml(text: string): unknown {
  try {
    return parse(text, { version: '1.1' });
  } catch (error) {
    throw new Error(`The custom data is not YAML: ${(error as Error).message.split('\n')[0] ?? ''}`, { cause: error });
  }
}

function describeProblems(error: z.ZodError): string {
  const problems = error.issues.map((issue) => {
    if (issue.code === 'unrecognized_keys')
      return `${[...issue.path, issue.keys.join(', ')].join('.')} is not run by the emulated machine`;
    return `${issue.path.join('.')}: ${issue.message}`;
  });
  return `The cloud-config cannot be used: ${problems.join('; ')}.`;
}

const gunzipIfPacked = (data: Buffer): Buffer => (data[0] === 0x1f && data[1] === 0x8b ? gunzipSync(data) : data);

/**
 * Reads custom data (base64, as the resource manager carries it; undefined and empty mean nothing to do). Throws with a
 * sentence naming every problem.
 */
export function parseCloudConfig(customData: string | undefined): CloudConfig {
  const text = gunzipIfPacked(Buffer.from(customData ?? '', 'base64')).toString('utf8');
  if (text.trim() === '') return NOTHING;
  if (!/^#cloud-config\s*(\r?\n|$)/.test(text)) {
    throw new Error('The custom data does not begin with "#cloud-config"; the emulated machine runs no other kind.');
  }
  const read = cloudConfig.safeParse(parseYaml(text) ?? {});
  if (!read.success) throw new Error(describeProblems(read.error));
  const names = read.data.users.map((user) => (typeof user === 'string' ? user : user.name)).filter((name) => name !== 'default');
  return {
    files: read.data.write_files.map(toFile),
    accounts: names,
    commands: read.data.runcmd.map(parseSystemctl),
    recorded: RECORDED_KEYS.filter((key) => key in read.data),
  };
}
