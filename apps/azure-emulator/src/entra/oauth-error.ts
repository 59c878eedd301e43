import { type ServerResponse } from '../server/route';

interface OauthRefusal {
  readonly status: number;
  readonly error: string;
  /** The number after `AADSTS`. */
  readonly code: number;
  readonly message: string;
}

/** A refusal of the token endpoint, thrown inside it. */
export class OauthError extends Error {
  readonly refusal: OauthRefusal;

  constructor(refusal: OauthRefusal) {
    super(refusal.message);
    this.name = 'OauthError';
    this.refusal = refusal;
  }

  /** The answer in the shape of RFC 6749 with Entra's own members; clients look into `error_codes`. */
  toResponse(now: Date, traceId: string): ServerResponse {
    const { status, error, code, message } = this.refusal;
    const timestamp = now
      .toISOString()
      .replace('T', ' ')
      .replace(/\.\d+Z$/, 'Z');
    return {
      status,
      body: {
        error,
        error_description: `AADSTS${code}: ${message} Trace ID: ${traceId} Correlation ID: ${traceId} Timestamp: ${timestamp}`,
        error_codes: [code],
        timestamp,
        trace_id: traceId,
        correlation_id: traceId,
        error_uri: `https://login.microsoftonline.com/error?code=${code}`,
      },
    };
  }
}

const refuse = (status: number, error: string, code: number, message: string): OauthError =>
  new OauthError({ status, error, code, message });

/** Entra ID's refusals, by what was wrong. */
export const oauthErrors = {
  missingParameter: (name: string) =>
    refuse(400, 'invalid_request', 900144, `The request body must contain the following parameter: '${name}'.`),
  unknownTenant: (tenant: string) =>
    refuse(
      400,
      'invalid_request',
      90002,
      `Tenant '${tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.`,
    ),
  unknownClient: (clientId: string, tenant: string) =>
    refuse(
      400,
      'unauthorized_client',
      700016,
      `Application with identifier '${clientId}' was not found in the directory '${tenant}'.`,
    ),
  wrongSecret: (clientId: string) =>
    refuse(
      401,
      'invalid_client',
      7000215,
      `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${clientId}'.`,
    ),
  missingSecret: () =>
    refuse(
      401,
      'invalid_client',
      7000218,
      "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    ),
  unknownAudience: (resource: string, tenant: string) =>
    refuse(
      400,
      'invalid_resource',
      500011,
      `The resource principal named ${resource} was not found in the tenant named ${tenant}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.`,
    ),
  invalidScope: (scope: string) =>
    refuse(
      400,
      'invalid_scope',
      1002012,
      `The provided value for scope ${scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).`,
    ),
  unsupportedGrant: (grant: string) =>
    refuse(400, 'unsupported_grant_type', 70003, `The app requested an unsupported grant type '${grant}'.`),
  wrongPassword: () => refuse(400, 'invalid_grant', 50126, 'Error validating credentials due to invalid username or password.'),
};
