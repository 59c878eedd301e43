import { z } from 'zod';
import { errorEnvelopeSchema } from './error.schema';
import type { AnswerContract, RouteContract } from './route-contract';
import { adminRoutes, type AdminRoute } from './admin/admin.routes';
import { routes } from './routes';

type Json = Record<string, unknown>;

const COMPONENT_PREFIX = '#/components/schemas/';

/** JSON Schemas of every named schema that the routes use, and the way from a zod schema to its place among them. */
class Components {
  readonly schemas: Record<string, Json> = {};

  /** The schema, with every part that has an id moved to the components and referred to. */
  place(schema: z.ZodType, direction: 'input' | 'output'): Json {
    const { $schema: _dialect, $defs, ...body } = z.toJSONSchema(schema, { io: direction, target: 'draft-2020-12' }) as Json;
    for (const [name, definition] of Object.entries(($defs ?? {}) as Record<string, Json>)) this.add(name, definition);
    const name = schema.meta()?.id;
    if (!name) return this.redirect(body);
    if (!$defs || !(name in ($defs as Json))) this.add(name, body);
    return { $ref: `${COMPONENT_PREFIX}${name}` };
  }

  private add(name: string, definition: Json): void {
    const { id: _id, ...rest } = definition;
    this.schemas[name] = this.redirect(rest);
  }

  private redirect(body: Json): Json {
    return JSON.parse(JSON.stringify(body).replaceAll('#/$defs/', COMPONENT_PREFIX)) as Json;
  }
}

const HEADERS = {
  idempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description: 'Up to 128 printable characters. The same key and body give the first answer again; another body is refused.',
    schema: { type: 'string', maxLength: 128 },
  },
  ifMatch: {
    name: 'If-Match',
    in: 'header',
    required: false,
    description: 'The etag that the caller read; refused with 412 when the resource has changed.',
    schema: { type: 'string' },
  },
};

const OPERATION_HEADERS = {
  'Operation-Location': { description: 'Where to read the operation.', schema: { type: 'string' } },
  Location: { description: 'Where the result will be.', schema: { type: 'string' } },
  'Retry-After': { description: 'Seconds to wait before asking.', schema: { type: 'integer' } },
};

function parametersOf(route: RouteContract, components: Components): Json[] {
  const place = (where: 'path' | 'query', schemas: z.ZodObject | undefined) =>
    Object.entries(schemas?.shape ?? {}).map(([name, schema]) => ({
      name,
      in: where,
      required: !(schema as z.ZodType).safeParse(undefined).success,
      schema: components.place(schema as z.ZodType, 'output'),
    }));
  return [
    ...place('path', route.params),
    ...place('query', route.query),
    ...(route.idempotent ? [HEADERS.idempotencyKey] : []),
    ...(route.conditional ? [HEADERS.ifMatch] : []),
  ];
}

function answerOf(answer: AnswerContract, route: RouteContract, status: string, components: Components): Json {
  const content = answer.schema
    ? { content: { 'application/json': { schema: components.place(answer.schema, 'output') } } }
    : answer.contentType
      ? { content: { [answer.contentType]: { schema: { type: 'string' } } } }
      : {};
  return {
    description: answer.description,
    ...(route.startsOperation && status === '202' ? { headers: OPERATION_HEADERS } : {}),
    ...content,
  };
}

function operationOf(id: string, route: RouteContract, components: Components): Json {
  const answers = Object.entries(route.answers).map(([status, answer]) => [status, answerOf(answer, route, status, components)]);
  const parameters = parametersOf(route, components);
  return {
    operationId: id,
    summary: route.summary,
    tags: [route.tag],
    security: route.access === 'bearer' ? [{ entra: [] }] : [],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.body
      ? { requestBody: { required: true, content: { 'application/json': { schema: components.place(route.body, 'input') } } } }
      : {}),
    responses: {
      ...Object.fromEntries(answers),
      default: {
        description: 'Refused; `error.code` is stable.',
        content: { 'application/json': { schema: components.place(errorEnvelopeSchema, 'output') } },
      },
    },
  };
}

/** An operators' route in the form of the customers'. */
function contractOf({ method, path, summary, role, params, query, body, answer }: AdminRoute): RouteContract {
  return {
    ...{ method, path, summary: `${summary} (${role})`, tag: path.split('/')[2] ?? 'admin', access: 'bearer' },
    ...(params ? { params } : {}),
    ...(query ? { query } : {}),
    ...(body ? { body, idempotent: true as const } : {}),
    answers: { 200: { description: 'As asked.', schema: answer } },
  };
}

function documentOf(contracts: Record<string, RouteContract>, title: string, description: string): Json {
  const components = new Components();
  const paths: Record<string, Json> = {};
  for (const [id, route] of Object.entries(contracts)) {
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operationOf(id, route, components);
  }
  return {
    openapi: '3.1.0',
    info: { title, version: '1', description, license: { name: 'MPL-2.0', identifier: 'MPL-2.0' } },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(components.schemas).sort(([one], [other]) => one.localeCompare(other))),
      securitySchemes: {
        entra: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'Entra ID access token for the service.' },
      },
    },
  };
}

/** The OpenAPI 3.1 document of every route of the customers' API. Pure: the same contract gives the same document. */
export const buildOpenApiDocument = (): Json =>
  documentOf(
    routes,
    'Managed Consul',
    'Create and run Consul clusters in your own Azure subscription. Generated from libs/api-contract.',
  );

/** That of the operators' API; each summary ends with the least role that the route takes. */
export const buildAdminOpenApiDocument = (): Json =>
  documentOf(
    Object.fromEntries(Object.entries(adminRoutes).map(([id, route]) => [id, contractOf(route)])),
    'Managed Consul for its operators',
    'Look after the clusters of all customers. Generated from libs/api-contract.',
  );
