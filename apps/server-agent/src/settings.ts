import { defineSettings, setting } from '@managed-consul/config';

/** What the agent is given from outside. The folders are systemd's own variables, so the unit names them once. */
export const serverAgentSettings = defineSettings({
  STATE_DIRECTORY: setting.text({ description: 'Folder that the agent and Consul own; systemd sets it from StateDirectory=.' }),
  CONFIGURATION_DIRECTORY: setting.text({
    description: 'Folder of agent.json and gateway-ca.pem; systemd sets it from ConfigurationDirectory=.',
  }),
  AZURE_POD_IDENTITY_AUTHORITY_HOST: setting.url({
    description: "Where Azure's instance metadata service is; the variable that Azure's own identity clients read.",
    default: 'http://169.254.169.254',
  }),
  LOG_LEVEL: setting.choice({
    description: 'Least important log line that is written.',
    options: ['debug', 'info', 'warn', 'error'],
    default: 'info',
  }),
  ALLOW_CONSUL_AS_ROOT: setting.flag({
    description: 'Lets Consul run as root. Only for machines that have no other user; without it the agent refuses.',
    default: 'false',
  }),
});
