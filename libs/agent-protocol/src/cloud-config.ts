import { agentConfigurationSchema, type AgentConfiguration } from './messages.schema';
import { START_AGENT_PROGRAM } from './start-agent-program';

/** What a machine must be told to become a server. Nothing in it is secret: anyone who can read the machine's metadata sees it. */
export interface CloudConfigInput {
  /** Where the agent dials, e.g. `https://agents.example.com`. */
  gatewayUrl: string;
  gatewayAudience: string;
  /** Certificate authorities (PEM) of the gateway's own TLS certificate; nothing else is trusted. */
  gatewayCaPem: string;
  /** Hash of the agent's bundle; the machine runs no other. */
  bundleSha256: string;
  /** Hash of the Consul program by platform; given, the machine downloads it before it is asked to run it. */
  consulSha256?: AgentConfiguration['consulSha256'];
}

/** Folder names as systemd knows them: below /etc, /var/lib. */
const FOLDER = 'managed-consul';
const PROGRAM_PATH = '/usr/local/lib/managed-consul/start-agent.mjs';
const UNIT = 'managed-consul-agent.service';

/**
 * `KillMode=process`: stopping or replacing the agent leaves the Consul that it started running. The rest keeps the
 * agent away from everything but its own folders.
 */
const UNIT_TEXT = `[Unit]
Description=Agent of the managed Consul service
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
User=consul
Group=consul
StateDirectory=${FOLDER}
StateDirectoryMode=0700
ConfigurationDirectory=${FOLDER}
ExecStart=/usr/bin/node ${PROGRAM_PATH}
KillMode=process
Restart=always
RestartSec=2
LimitNOFILE=65536
UMask=0077
NoNewPrivileges=true
ProtectSystem=strict
ProtectHome=true
PrivateTmp=true

[Install]
WantedBy=multi-user.target
`;

/**
 * Renders the `#cloud-config` (YAML) of a server machine: the agent's configuration, the gateway's CA, the small start
 * program and its systemd unit. The image must offer Node 20.12 or newer as the package `nodejs` (Debian 13 does).
 * Throws when the input would give a configuration that the agent refuses.
 */
export function renderCloudConfig(input: CloudConfigInput): string {
  const { gatewayCaPem, ...told } = input;
  const configuration = agentConfigurationSchema.parse(told);
  if (!CERTIFICATES.test(gatewayCaPem)) throw new Error("The gateway's CA must be certificates in PEM and nothing else.");
  return `#cloud-config
package_update: true
packages:
  - nodejs
users:
  - default
  - name: consul
    system: true
    shell: /usr/sbin/nologin
    lock_passwd: true
write_files:
${file(`/etc/${FOLDER}/agent.json`, JSON.stringify(configuration, null, 2))}
${file(`/etc/${FOLDER}/gateway-ca.pem`, gatewayCaPem)}
${file(PROGRAM_PATH, START_AGENT_PROGRAM)}
${file(`/etc/systemd/system/${UNIT}`, UNIT_TEXT)}
runcmd:
  - [systemctl, daemon-reload]
  - [systemctl, enable, --now, ${UNIT}]
`;
}

const CERTIFICATES = /^(-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n*)+$/;

/** One entry of `write_files`. The content stands there as it is (a literal block), so that a person can read what a machine gets. */
function file(path: string, content: string): string {
  const lines = content
    .trimEnd()
    .split('\n')
    .map((line) => (line === '' ? '' : `      ${line}`));
  return `  - path: ${path}\n    owner: root:root\n    permissions: '0644'\n    content: |\n${lines.join('\n')}`;
}
