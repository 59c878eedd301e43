/** Names under which Azure is reached in public, and which the emulator answers to when a client comes by way of its proxy. */
export const AZURE_NAMES = {
  resourceManager: 'management.azure.com',
  signIn: 'login.microsoftonline.com',
  graph: 'graph.windows.net',
  metering: 'marketplaceapi.microsoft.com',
} as const;

const LATER_OR_OLDER_NAMES = ['management.core.windows.net', 'login.windows.net', 'sts.windows.net'];

/** All of them. */
export const PUBLIC_NAMES: readonly string[] = [...Object.values(AZURE_NAMES), ...LATER_OR_OLDER_NAMES];

/** `management.azure.com` of `management.azure.com:443`. */
export const hostNameOf = (host: string): string => (URL.parse(`https://${host}`)?.hostname ?? host).toLowerCase();
