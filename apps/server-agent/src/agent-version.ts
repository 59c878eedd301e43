/** Version that the agent names to the gateway and in its health report. */
export const AGENT_VERSION = '0.1.0';
