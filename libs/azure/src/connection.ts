import { ClientSecretCredential } from '@azure/identity';
import { seconds, type Milliseconds, type SecretValue } from '@managed-consul/config';
import { currentLogContext } from '@managed-consul/observability';
import { traced } from '@managed-consul/tracing';

/** Where Azure is, and who the service is there. Azure is an address: nothing here knows which Azure answers. */
export interface AzureSettings {
  /** Azure Resource Manager, e.g. `https://management.azure.com`. */
  endpoint: string;
  /** Entra ID, e.g. `https://login.microsoftonline.com`. */
  authority: string;
  tenantId: string;
  clientId: string;
  clientSecret: SecretValue;
  /** Scopes of the tokens for Resource Manager; `<endpoint>/.default` unless given. */
  scopes?: readonly string[];
  /** The Marketplace metering service; `https://marketplaceapi.microsoft.com` unless given. */
  meteringEndpoint?: string;
  /** Longest time that one request may take; 15 s unless given: half a lease of the workflow engine. Azure itself gives up after 60 s (resource-provider contract). */
  callTimeout?: Milliseconds;
  /** Told the status of every answer. */
  onAnswer?: (status: number) => void;
}

const CALL_TIMEOUT = seconds(15);

const MICROSOFT_AUTHORITIES = new Set(['login.microsoftonline.com', 'login.microsoftonline.us', 'login.chinacloudapi.cn']);

const CORRELATION_HEADER = 'x-ms-correlation-request-id';

interface BoundedRequest {
  timeout: number;
  url: string;
  method: string;
  headers: { set(name: string, value: string): void };
}

interface Answer {
  status: number;
  headers: { get(name: string): string | null | undefined };
}

/** A policy of either generation of Azure's clients. */
interface RequestPolicy {
  policy: {
    name: string;
    sendRequest: <Request extends BoundedRequest, Response extends Answer>(
      request: Request,
      next: (request: Request) => Promise<Response>,
    ) => Promise<Response>;
  };
  position: 'perCall';
}

const boundEveryCall = (limit: Milliseconds): RequestPolicy => ({
  policy: {
    name: 'boundEveryCall',
    sendRequest: (request, next) => {
      request.timeout = limit;
      return next(request);
    },
  },
  position: 'perCall',
});

const tellEveryAnswer = (onAnswer: (status: number) => void): RequestPolicy => ({
  policy: {
    name: 'tellEveryAnswer',
    sendRequest: async (request, next) => {
      const answer = await next(request);
      onAnswer(answer.status);
      return answer;
    },
  },
  position: 'perCall',
});

/** A span for each call, and the id of the customer's request in the header by which Resource Manager's own log is searched. */
const traceEveryCall: RequestPolicy = {
  policy: {
    name: 'traceEveryCall',
    sendRequest: (request, next) => {
      const { hostname, pathname } = new URL(request.url);
      const { correlationId } = currentLogContext();
      if (correlationId !== undefined) request.headers.set(CORRELATION_HEADER, correlationId);
      const attributes = { 'http.request.method': request.method, 'server.address': hostname, 'url.path': pathname };
      return traced(`azure ${request.method}`, { kind: 'client', attributes }, async (span) => {
        const answer = await next(request);
        span.setAttribute('http.response.status_code', answer.status);
        const known = answer.headers.get(CORRELATION_HEADER);
        if (known) span.setAttribute('azure.correlation_request_id', known);
        return answer;
      });
    },
  },
  position: 'perCall',
};

/** A credential and the options that every Azure client is made with. */
export interface AzureConnection {
  credential: ClientSecretCredential;
  endpoint: string;
  meteringEndpoint: string;
  /** Longest time that one request may take. */
  callTimeout: Milliseconds;
  options: {
    endpoint: string;
    /** For the generation of clients that reads scopes from here. */
    credentials: { scopes: string[] };
    /** For the older generation. */
    credentialScopes: string[];
    retryOptions: { maxRetries: number };
    additionalPolicies: RequestPolicy[];
  };
}

/**
 * Opens the way to Azure. No call is retried in here: the workflow engine repeats steps with a delay that outlives the
 * process, while a client that sleeps through a `Retry-After` would keep a worker busy with nothing.
 */
export function openAzureConnection(settings: AzureSettings): AzureConnection {
  const { hostname } = new URL(settings.authority);
  const callTimeout = settings.callTimeout ?? CALL_TIMEOUT;
  const additionalPolicies = [boundEveryCall(callTimeout), traceEveryCall];
  if (settings.onAnswer) additionalPolicies.push(tellEveryAnswer(settings.onAnswer));
  const credential = new ClientSecretCredential(settings.tenantId, settings.clientId, settings.clientSecret.reveal(), {
    authorityHost: settings.authority,
    // Only Microsoft's own hosts are listed by Microsoft's discovery service; any other authority is trusted because it was configured.
    disableInstanceDiscovery: !MICROSOFT_AUTHORITIES.has(hostname),
    retryOptions: { maxRetries: 0 },
    additionalPolicies,
  });
  const endpoint = settings.endpoint.replace(/\/+$/, '');
  const scopes = [...(settings.scopes ?? [`${endpoint}/.default`])];
  return {
    credential,
    endpoint,
    meteringEndpoint: (settings.meteringEndpoint ?? 'https://marketplaceapi.microsoft.com').replace(/\/+$/, ''),
    callTimeout,
    options: {
      endpoint,
      credentials: { scopes },
      credentialScopes: scopes,
      retryOptions: { maxRetries: 0 },
      additionalPolicies,
    },
  };
}
