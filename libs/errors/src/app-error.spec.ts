import { describe, expect, it } from 'vitest';
import { AppError, toErrorResponse } from './app-error';

describe('toErrorResponse', () => {
  it('sends the status of the code and the public text, not the cause', () => {
    const error = new AppError('NameAlreadyExists', 'Choose another name.', {
      target: 'name',
      cause: new Error('duplicate key'),
    });
    const { status, body } = toErrorResponse(error, 'c-1');
    expect(status).toBe(409);
    expect(body).toEqual({ error: { code: 'NameAlreadyExists', message: 'Choose another name.', target: 'name' } });
  });

  it('tells of an unknown error nothing but the correlation id', () => {
    const { status, body } = toErrorResponse(new Error('password=hunter2'), 'c-2');
    expect(status).toBe(500);
    expect(body.error.code).toBe('InternalError');
    expect(body.error.message).toContain('c-2');
    expect(JSON.stringify(body)).not.toContain('hunter2');
  });

  it('carries every problem of a request in details', () => {
    const details = [
      { code: 'OutOfRange', target: 'servers', message: 'Choose 1, 3 or 5.' },
      { code: 'Unknown', target: 'region', message: 'Choose a region from /v1/regions.' },
    ];
    expect(toErrorResponse(new AppError('InvalidRequest', 'Two problems.', { details }), 'c-3').body.error.details).toEqual(
      details,
    );
  });
});
