import { describe, expect, it } from 'vitest';
import { parseServiceUnit, parseTimeSpan } from './unit-file';

const read = (service: string, rest = '') =>
  parseServiceUnit('a.service', `${rest}\n[Service]\nExecStart=/usr/bin/node x\n${service}\n`);

describe('service unit', () => {
  it('has the defaults of systemd', () => {
    expect(read('')).toMatchObject({
      user: 'root',
      killMode: 'control-group',
      killSignal: 'SIGTERM',
      restart: 'no',
      restartDelayMs: 100,
      stopTimeoutMs: 90_000,
      startLimit: { burst: 5, intervalMs: 10_000 },
      mask: 0o022,
    });
  });

  it('places each kind of directory where systemd does, with its mode and its owner', () => {
    const unit = read('StateDirectory=a b/c\nStateDirectoryMode=0700\nConfigurationDirectory=a\nRuntimeDirectory=a');
    expect(unit.directories).toEqual([
      { variable: 'RUNTIME_DIRECTORY', paths: ['/run/a'], mode: 0o755, ownedByService: true, removedOnStop: true },
      {
        variable: 'STATE_DIRECTORY',
        paths: ['/var/lib/a', '/var/lib/b/c'],
        mode: 0o700,
        ownedByService: true,
        removedOnStop: false,
      },
      { variable: 'CONFIGURATION_DIRECTORY', paths: ['/etc/a'], mode: 0o755, ownedByService: false, removedOnStop: false },
    ]);
  });

  it('records what cannot be told apart and obeys the rest', () => {
    const unit = read('NoNewPrivileges=true\nLimitNOFILE=65536', '[Unit]\nDescription=x\nStartLimitIntervalSec=0');
    expect(unit.recorded).toEqual(['Description', 'NoNewPrivileges', 'LimitNOFILE']);
    expect(unit.startLimit).toBeUndefined();
  });

  it('clears a list by an empty assignment and joins continued lines', () => {
    expect(read('Environment=A=1\nEnvironment=\nEnvironment=B=2 \\\n C=3').environment).toEqual(['B=2   C=3']);
  });

  it.each([
    ['a directive that it does not know', 'ExecStartPre=/bin/true', /\[Service\] ExecStartPre=/],
    ['a type that it does not run', 'Type=forking', /Type=forking is not run/],
    ['a second command', 'ExecStart=/bin/true', /exactly one ExecStart=/],
    ['a directory outside its place', 'StateDirectory=../x', /must be a relative path/],
  ])('refuses %s', (_, service, message) => {
    expect(() => read(service)).toThrow(message);
  });

  it('reads lengths of time', () => {
    expect(['5', '500ms', '1min 30s', '2.5s', 'infinity'].map(parseTimeSpan)).toEqual([
      5000,
      500,
      90_000,
      2500,
      Number.POSITIVE_INFINITY,
    ]);
    expect(() => parseTimeSpan('5 parsecs')).toThrow(/not a length of time/);
  });
});
