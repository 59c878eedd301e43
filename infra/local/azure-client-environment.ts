/** What an unmodified client of Azure must find in its environment to talk to the emulator as the sample customer. */
import { join } from 'node:path';
import { azureProxyUrl, type LocalPlace } from './components';

/**
 * Variables for `az`, the SDKs of Azure and Terraform. They lead Azure's own names through the emulator's proxy, so that no client
 * needs another cloud or address, and name the sample customer's service principal. `az` keeps what it remembers apart from the
 * user's own sign-ins.
 */
export function azureClientEnvironment(place: LocalPlace): Record<string, string> {
  const { customer } = place.identities;
  const { caFile, state } = place.folders;
  const proxy = azureProxyUrl(place);
  const direct = 'localhost,127.0.0.1';
  return {
    HTTPS_PROXY: proxy,
    https_proxy: proxy,
    NO_PROXY: direct,
    no_proxy: direct,
    // Python's requests, curl, Go and OpenSSL, Node.js.
    REQUESTS_CA_BUNDLE: caFile,
    CURL_CA_BUNDLE: caFile,
    SSL_CERT_FILE: caFile,
    NODE_EXTRA_CA_CERTS: caFile,
    AZURE_CONFIG_DIR: join(state, 'azure-cli'),
    AZURE_CORE_COLLECT_TELEMETRY: '0',
    AZURE_TENANT_ID: customer.tenantId,
    AZURE_CLIENT_ID: customer.clientId,
    AZURE_CLIENT_SECRET: customer.clientSecret,
    AZURE_SUBSCRIPTION_ID: customer.subscriptionId,
    ARM_TENANT_ID: customer.tenantId,
    ARM_CLIENT_ID: customer.clientId,
    ARM_CLIENT_SECRET: customer.clientSecret,
    ARM_SUBSCRIPTION_ID: customer.subscriptionId,
  };
}
