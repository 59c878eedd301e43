import { TerminalError, TransientError } from '@managed-consul/errors';
import { describe, expect, it } from 'vitest';
import { callAzure, findInAzure, refusal } from './errors';

const sdkError = (statusCode: number | undefined, code: string, more: Record<string, unknown> = {}) =>
  Object.assign(new Error(`${code} said Azure`), { statusCode, code, ...more });

const failure = (error: unknown) => callAzure('make it', () => Promise.reject(error as Error)).catch((thrown: unknown) => thrown);

describe('what Azure refuses', () => {
  it.each([
    'QuotaExceeded',
    'AuthorizationFailed',
    'ScopeLocked',
    'DenyAssignmentAuthorizationFailed',
    'SkuNotAvailable',
    'InvalidTemplate',
  ])('ends the operation with the code %s, a sentence for the customer and what Azure said', async (code) => {
    const thrown = await failure(sdkError(code === 'ScopeLocked' ? 409 : 403, code));
    expect(thrown).toBeInstanceOf(TerminalError);
    expect(thrown).toMatchObject({ code });
    expect((thrown as TerminalError).publicMessage).toMatch(new RegExp(`\\. Azure says: ${code} said Azure$`));
  });

  it('is told by the innermost code, not by the wrapper', () => {
    const wrapped = {
      code: 'DeploymentFailed',
      message: 'At least one',
      details: [{ code: 'Conflict', details: [{ code: 'SkuNotAvailable' }] }],
    };
    expect(refusal(wrapped, 'deploy')).toMatchObject({ code: 'SkuNotAvailable' });
  });
});

describe('what passes', () => {
  it.each([
    ['a broken connection', sdkError(undefined, 'ECONNRESET')],
    ['throttling', sdkError(429, 'TooManyRequests')],
    ['a fault inside Azure', sdkError(503, 'ServiceUnavailable')],
    ['a dependant that is still being removed', sdkError(400, 'InUseSubnetCannotBeDeleted')],
    ['a deployment that is still active', sdkError(409, 'DeploymentActive')],
  ])('is tried again: %s', async (_what, error) => {
    expect(await failure(error)).toBeInstanceOf(TransientError);
  });

  it('says what was asked of Azure and how it answered', async () => {
    expect(await failure(sdkError(503, 'ServerBusy'))).toMatchObject({ message: 'Azure could not make it: 503 ServerBusy' });
    expect(await failure(sdkError(undefined, 'ECONNRESET'))).toMatchObject({
      message: 'Azure could not make it: the connection broke (ECONNRESET)',
    });
    const abort = Object.assign(new Error('The operation was aborted.'), { name: 'AbortError' });
    expect(await failure(abort)).toMatchObject({ message: 'Azure could not make it: there was no answer in time' });
  });

  it('waits as long as Azure asked', async () => {
    const response = { headers: { get: (name: string) => (name === 'retry-after' ? '17' : undefined) } };
    expect(await failure(sdkError(429, 'TooManyRequests', { response }))).toMatchObject({ retryAfterSeconds: 17 });
  });
});

describe('what is not there', () => {
  it('is undefined to a look and nothing else', async () => {
    await expect(findInAzure('look', () => Promise.reject(sdkError(404, 'ResourceNotFound')))).resolves.toBeUndefined();
    await expect(findInAzure('look', () => Promise.reject(sdkError(403, 'AuthorizationFailed')))).rejects.toBeInstanceOf(
      TerminalError,
    );
  });
});
