/** `/metadata/identity/oauth2/token`: tokens of the machine's managed identities, with the metadata service's own errors. */
import { MachineTokenRefused, type MachineIdentity, type MachineRecord, type MachineTokenSource } from './machine.types';

export interface MetadataAnswer {
  readonly status: number;
  readonly body: unknown;
}

const refuse = (error: string, description: string, status = 400): MetadataAnswer => ({
  status,
  body: { error, error_description: description },
});

const isSame = (left: string, right: string): boolean => left.toLowerCase() === right.toLowerCase();

/** How a caller may name the identity it wants; at most one may be used. */
const CHOICES: readonly { parameter: string; matches(identity: MachineIdentity, value: string): boolean }[] = [
  { parameter: 'client_id', matches: ({ clientId }, value) => isSame(clientId, value) },
  { parameter: 'object_id', matches: ({ principalId }, value) => isSame(principalId, value) },
  { parameter: 'mi_res_id', matches: ({ resourceId }, value) => isSame(resourceId, value) },
  { parameter: 'msi_res_id', matches: ({ resourceId }, value) => isSame(resourceId, value) },
];

async function findIdentities(record: MachineRecord, tokens: MachineTokenSource): Promise<MachineIdentity[]> {
  const found = await Promise.all(record.description.identities.map((id) => tokens.findIdentity(id)));
  return found.filter((identity) => identity !== undefined);
}

function chooseIdentity(identities: readonly MachineIdentity[], query: URLSearchParams): MachineIdentity | MetadataAnswer {
  const used = CHOICES.filter(({ parameter }) => query.has(parameter));
  if (used.length > 1) return refuse('invalid_request', 'Only one of client_id, object_id and mi_res_id may be specified');
  const choice = used[0];
  if (!choice) {
    const only = identities[0];
    if (identities.length === 1 && only) return only;
    if (identities.length === 0) return refuse('invalid_request', 'Identity not found');
    return refuse(
      'invalid_request',
      'Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request',
    );
  }
  const value = query.get(choice.parameter) ?? '';
  return identities.find((identity) => choice.matches(identity, value)) ?? refuse('invalid_request', 'Identity not found');
}

/** Answers a token request of the machine. */
export async function answerTokenRequest(
  record: MachineRecord,
  tokens: MachineTokenSource,
  query: URLSearchParams,
): Promise<MetadataAnswer> {
  const resource = query.get('resource');
  if (resource === null || resource === '') return refuse('invalid_request', "Required query variable 'resource' is missing");
  const chosen = chooseIdentity(await findIdentities(record, tokens), query);
  if ('status' in chosen) return chosen;
  try {
    const token = await tokens.issueToken(chosen, resource);
    return {
      status: 200,
      body: {
        access_token: token.accessToken,
        client_id: chosen.clientId,
        expires_in: String(token.expiresInSeconds),
        expires_on: String(token.expiresOn),
        ext_expires_in: String(token.expiresInSeconds),
        not_before: String(token.notBefore),
        resource,
        token_type: 'Bearer',
      },
    };
  } catch (error) {
    if (error instanceof MachineTokenRefused) return refuse('invalid_resource', error.message);
    throw error;
  }
}
