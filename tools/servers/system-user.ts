import { readFileSync } from 'node:fs';

export interface SystemUser {
  uid: number;
  gid: number;
}

/**
 * The user that servers run as which refuse root: `postgres` where the machine has it, else `nobody`. Undefined when this
 * process is not root, because then they run as the same user. Adds no user to the machine.
 */
export function userForServers(): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const fields = users.find((line) => line.startsWith(`${name}:`))?.split(':');
    if (fields) return { uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  throw new Error('PostgreSQL refuses to run as root and the machine has neither a user "postgres" nor "nobody".');
}
