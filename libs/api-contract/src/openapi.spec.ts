import { describe, expect, test } from 'vitest';
import { adminRoutes, buildAdminOpenApiDocument, buildOpenApiDocument, createClusterRequestSchema, routes } from './index';

interface Document {
  paths: Record<
    string,
    Record<string, { operationId: string; responses: Record<string, unknown>; parameters?: { name: string }[] }>
  >;
  components: { schemas: Record<string, { additionalProperties?: boolean }> };
}

type Contract = Record<string, { method: string; path: string }>;

describe.each<{ whose: string; document: Document; contract: Contract }>([
  { whose: 'customers', document: buildOpenApiDocument() as unknown as Document, contract: routes },
  { whose: 'operators', document: buildAdminOpenApiDocument() as unknown as Document, contract: adminRoutes },
])("the OpenAPI document of the $whose' API", ({ document, contract }) => {
  test('holds every route of the contract under its method', () => {
    for (const [name, route] of Object.entries(contract)) {
      expect(document.paths[route.path]?.[route.method.toLowerCase()]?.operationId).toBe(name);
    }
  });

  test('refers only to schemas that it holds', () => {
    const text = JSON.stringify(document);
    const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(references.length).toBeGreaterThan(30);
    for (const reference of references) {
      expect(reference).toMatch(/^#\/components\/schemas\//);
      expect(document.components.schemas).toHaveProperty(reference.slice('#/components/schemas/'.length));
    }
  });
});

describe('the OpenAPI document', () => {
  const document = buildOpenApiDocument() as unknown as Document;

  test('says that a create takes an Idempotency-Key and no unknown field', () => {
    const create = document.paths['/v1/clusters']?.['post'];
    expect(create?.parameters?.map((parameter) => parameter.name)).toContain('Idempotency-Key');
    expect(document.components.schemas['CreateClusterRequest']?.additionalProperties).toBe(false);
  });
});

test('a create with an unknown field is refused by its schema, naming the field', () => {
  const result = createClusterRequestSchema.safeParse({
    installationId: '0193f3a0-0000-7000-8000-000000000000',
    name: 'hello',
    email: 'a@example.com',
    sevrers: 3,
  });
  expect(result.success).toBe(false);
  expect(JSON.stringify(result.error?.issues)).toContain('sevrers');
});
