import { type z } from 'zod';
import { ArmError } from '../arm/arm-error';
import { type Route, type ServerRequest, type ServerResponse } from '../server/route';
import { faultSchema, type Faults } from './faults';

/** What is no JSON becomes undefined, for the schema to refuse. The content type does not matter: people use curl. */
function parseLeniently(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The body as `schema` reads it. Throws 400 with every problem. */
export function readControlBody<Schema extends z.ZodType>(request: ServerRequest, schema: Schema): z.output<Schema> {
  const parsed = schema.safeParse(parseLeniently(request.bodyText));
  if (parsed.success) return parsed.data;
  const details = parsed.error.issues.map((issue) => ({
    code: 'InvalidField',
    target: issue.path.join('.'),
    message: issue.message,
  }));
  throw new ArmError(400, 'InvalidRequestContent', 'The body does not fit; see details.', { details });
}

/** `/_emulator/faults`: list, add, remove one, remove all. For tests; Azure has no such thing. */
export function faultRoutes(faults: Faults): Route[] {
  const route = (method: string, pattern: string, handle: (request: ServerRequest) => ServerResponse): Route => ({
    method,
    pattern,
    access: { kind: 'anonymous' },
    handle,
  });
  return [
    route('GET', '/_emulator/faults', () => ({ status: 200, body: { value: faults.list() } })),
    route('POST', '/_emulator/faults', (request) => ({ status: 201, body: faults.add(readControlBody(request, faultSchema)) })),
    route('DELETE', '/_emulator/faults', () => {
      faults.clear();
      return { status: 204 };
    }),
    route('DELETE', '/_emulator/faults/{id}', (request) => ({
      status: faults.remove(request.parameters['id'] ?? '') ? 204 : 404,
    })),
  ];
}
