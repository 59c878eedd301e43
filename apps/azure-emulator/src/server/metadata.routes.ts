import { type Directory } from '../entra/directory';
import { AZURE_NAMES, hostNameOf, PUBLIC_NAMES } from './public-names';
import { type Route, type ServerRequest } from './route';

/** `GET /metadata/endpoints`: where a cloud's services are, in the three shapes that az, Terraform and newer SDKs read. */
export function metadataRoutes(directory: Directory): Route[] {
  return [
    {
      method: 'GET',
      pattern: '/metadata/endpoints',
      access: { kind: 'anonymous' },
      handle: (request) => ({ status: 200, body: describeCloud(request, directory) }),
    },
  ];
}

/** Where the services are for who asked here: under Azure's public names when it came by one of them, else at this address. */
function addressesFor(host: string) {
  const at = (name: string): string => `https://${PUBLIC_NAMES.includes(hostNameOf(host)) ? name : host}`;
  return {
    resourceManager: at(AZURE_NAMES.resourceManager),
    signIn: at(AZURE_NAMES.signIn),
    graph: at(AZURE_NAMES.graph),
  };
}

function describeCloud(request: ServerRequest, directory: Directory): object {
  const { resourceManager, signIn, graph } = addressesFor(request.headers['host'] ?? 'localhost');
  const audiences = [...new Set([resourceManager, 'https://management.azure.com/', 'https://management.core.windows.net/'])];
  const version = request.query.get('api-version') ?? '';
  if (version === '2015-01-01') {
    return {
      galleryEndpoint: resourceManager,
      graphEndpoint: graph,
      portalEndpoint: resourceManager,
      authentication: { loginEndpoint: signIn, audiences },
    };
  }
  const cloud = {
    name: 'AzureEmulator',
    portal: resourceManager,
    authentication: {
      loginEndpoint: signIn,
      audiences,
      tenant: directory.listTenants()[0]?.tenantId ?? 'common',
      identityProvider: 'AAD',
    },
    graph,
    graphAudience: 'https://graph.windows.net/',
    media: resourceManager,
    batch: resourceManager,
    gallery: resourceManager,
    resourceManager,
    sqlManagement: resourceManager,
    vmImageAliasDoc: resourceManager,
    activeDirectoryDataLake: resourceManager,
    microsoftGraphResourceId: 'https://graph.microsoft.com/',
    suffixes: { storage: 'core.windows.net', keyVaultDns: 'vault.azure.net', acrLoginServer: 'azurecr.io' },
  };
  return version === '2019-05-01' || version === '2020-06-01' ? [cloud] : cloud;
}
