import { type Directory } from '../entra/directory';
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

function describeCloud(request: ServerRequest, directory: Directory): object {
  const origin = `https://${request.headers['host'] ?? 'localhost'}`;
  const audiences = [origin, 'https://management.azure.com/', 'https://management.core.windows.net/'];
  const version = request.query.get('api-version') ?? '';
  if (version === '2015-01-01') {
    return {
      galleryEndpoint: origin,
      graphEndpoint: origin,
      portalEndpoint: origin,
      authentication: { loginEndpoint: origin, audiences },
    };
  }
  const cloud = {
    name: 'AzureEmulator',
    portal: origin,
    authentication: {
      loginEndpoint: origin,
      audiences,
      tenant: directory.listTenants()[0]?.tenantId ?? 'common',
      identityProvider: 'AAD',
    },
    graph: origin,
    graphAudience: 'https://graph.windows.net/',
    media: origin,
    batch: origin,
    gallery: origin,
    resourceManager: origin,
    sqlManagement: origin,
    vmImageAliasDoc: origin,
    activeDirectoryDataLake: origin,
    microsoftGraphResourceId: 'https://graph.microsoft.com/',
    suffixes: { storage: 'core.windows.net', keyVaultDns: 'vault.azure.net', acrLoginServer: 'azurecr.io' },
  };
  return version === '2019-05-01' || version === '2020-06-01' ? [cloud] : cloud;
}
