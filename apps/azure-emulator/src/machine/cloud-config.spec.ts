import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseCloudConfig } from './cloud-config';

const encode = (text: string): string => Buffer.from(text).toString('base64');
const read = (body: string) => parseCloudConfig(encode(`#cloud-config\n${body}`));

describe('cloud-config', () => {
  it('gives nothing to do for missing, empty and comment-only custom data', () => {
    expect(parseCloudConfig(undefined).files).toEqual([]);
    expect(parseCloudConfig('').commands).toEqual([]);
    expect(parseCloudConfig(encode('#cloud-config\n')).accounts).toEqual([]);
  });

  it('decodes every encoding of a written file', () => {
    const packed = gzipSync('packed').toString('base64');
    const config = read(
      `write_files:
- {path: /a, content: plain}
- {path: /b, content: ${encode('coded')}, encoding: b64}
- {path: /c, content: ${packed}, encoding: gz+b64}
`,
    );
    expect(config.files.map(({ content }) => content.toString())).toEqual(['plain', 'coded', 'packed']);
  });

  it('reads packed custom data as cloud-init does', () => {
    const text = '#cloud-config\nusers: [default, {name: consul, system: true}]\n';
    expect(parseCloudConfig(gzipSync(text).toString('base64')).accounts).toEqual(['consul']);
  });

  it('takes permissions as octal, quoted or not, and root as the owner when none is named', () => {
    const { files } = read(
      `write_files:\n- {path: /a, permissions: '0600'}\n- {path: /b, permissions: 0755}\n- {path: /c, owner: 'consul:consul', defer: true}\n`,
    );
    expect(files.map(({ mode, user, defer }) => ({ mode, user, defer }))).toEqual([
      { mode: 0o600, user: 'root', defer: false },
      { mode: 0o755, user: 'root', defer: false },
      { mode: 0o644, user: 'consul', defer: true },
    ]);
  });

  it('reads systemctl commands in list and in string form', () => {
    const { commands } = read(
      `runcmd:\n- systemctl daemon-reload\n- [systemctl, enable, --now, agent.service]\n- systemctl restart a b.service\n`,
    );
    expect(commands).toEqual([
      { verb: 'daemon-reload', units: [], now: false },
      { verb: 'enable', units: ['agent.service'], now: true },
      { verb: 'restart', units: ['a.service', 'b.service'], now: false },
    ]);
  });

  it('records packages without acting on them', () => {
    expect(read('packages: [nodejs]\npackage_update: true\n').recorded).toEqual(['package_update', 'packages']);
  });

  it.each([
    ['a key that it does not run', 'bootcmd: [ls]\n', /bootcmd is not run/],
    ['another command', 'runcmd: [[curl, x]]\n', /is not a systemctl command/],
    ['shell syntax', "runcmd: ['systemctl start a && reboot']\n", /shell syntax/],
    ['another systemctl verb', 'runcmd: [[systemctl, mask, a]]\n', /knows only systemctl/],
    ['a unit that is missing from the command', 'runcmd: [[systemctl, start]]\n', /needs the name of a unit/],
    ['a relative path', 'write_files: [{path: etc/x}]\n', /must be an absolute path/],
    ['an unknown encoding', 'write_files: [{path: /x, encoding: rot13}]\n', /rot13/],
    ['an unknown key of a file', 'write_files: [{path: /x, source: {uri: y}}]\n', /write_files\.0\.source is not run/],
    ['broken YAML', 'a: [\n', /not YAML/],
  ])('refuses %s', (_, body, message) => {
    expect(() => read(body)).toThrow(message);
  });

  it('refuses custom data of another kind', () => {
    expect(() => parseCloudConfig(encode('#!/bin/sh\necho hello'))).toThrow(/does not begin with "#cloud-config"/);
    expect(() => parseCloudConfig(encode('## template: jinja\n#cloud-config\n'))).toThrow(/does not begin with/);
  });
});
