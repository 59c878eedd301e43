import { z } from 'zod';
import { ArmError } from '../arm/arm-error';
import { isJsonObject, type JsonObject } from '../arm/json';
import { LenientJsonError, parseLenientJson } from '../template-language/lenient-json';
import type { JsonObject as TemplateObject } from '../template-language/json-value';

/** What a deployment is asked to do. */
export interface DeploymentRequest {
  readonly mode: 'Incremental' | 'Complete';
  readonly template: TemplateObject;
  /** `{ name: { value } }` */
  readonly parameters: TemplateObject;
}

const DEPLOYMENT_NAME = /^[-\w._()]{1,64}$/;

const invalidContent = (reason: string): ArmError =>
  new ArmError(400, 'InvalidRequestContent', `The request content was invalid and could not be deserialized: '${reason}'.`);

const jsonObject = z.custom<TemplateObject>(isJsonObject, 'must be an object');

const properties = z.object({
  mode: z
    .string()
    .transform((mode) => mode.toLowerCase())
    .pipe(z.enum(['incremental', 'complete'])),
  template: jsonObject.optional(),
  templateLink: z.unknown().optional(),
  parameters: jsonObject.nullish(),
  parametersLink: z.unknown().optional(),
});

/** A parameters file given whole, as `az` does, is `{ $schema, contentVersion, parameters }`; Azure takes either form. */
function unwrapParameters(given: TemplateObject): TemplateObject {
  const inner = given['parameters'];
  return typeof given['$schema'] === 'string' && isJsonObject(inner) ? inner : given;
}

/** Reads the properties of a deployment's body. Throws `ArmError` 400 for what Azure, or this place, cannot deploy. */
export function readDeploymentRequest(body: JsonObject): DeploymentRequest {
  const parsed = properties.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalidContent(`properties.${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is not valid'}`);
  }
  const { mode, template, parameters, templateLink, parametersLink } = parsed.data;
  if (templateLink !== undefined || parametersLink !== undefined) {
    throw new ArmError(
      400,
      'InvalidTemplateLink',
      'Linked templates and parameter files cannot be fetched from here: send them inline.',
    );
  }
  if (!template) throw invalidContent(`properties.template: is required`);
  return {
    mode: mode === 'complete' ? 'Complete' : 'Incremental',
    template,
    parameters: unwrapParameters(parameters ?? {}),
  };
}

/** Throws `InvalidDeploymentName` (400). */
export function checkDeploymentName(name: string): void {
  if (DEPLOYMENT_NAME.test(name)) return;
  throw new ArmError(
    400,
    'InvalidDeploymentName',
    `The deployment name '${name}' is invalid: 1 to 64 letters, digits, '-', '.', '_', '(' and ')'.`,
  );
}

/** Parses the body of a deployment, which need not be strict JSON. Throws `InvalidRequestContent` (400). */
export function parseDeploymentBody(text: string): JsonObject {
  if (text.trim() === '') return {};
  try {
    const body = parseLenientJson(text);
    if (isJsonObject(body)) return body;
  } catch (error) {
    if (error instanceof LenientJsonError) throw invalidContent(error.message);
    throw error;
  }
  throw invalidContent('The content must be a JSON object');
}
