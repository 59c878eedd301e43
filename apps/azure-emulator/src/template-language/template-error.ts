/** Where ARM sends a reader of a language error; part of its texts. */
const USAGE = 'Please see https://aka.ms/arm-template-expressions for usage details.';

/** The template cannot be deployed as written. `code` is ARM's, normally `InvalidTemplate`. */
export class TemplateError extends Error {
  readonly code: string;

  constructor(message: string, code = 'InvalidTemplate') {
    super(message);
    this.name = 'TemplateError';
    this.code = code;
  }
}

/** A mistake inside one expression; wrapped into a `TemplateError` that says where it stands. */
export class ExpressionError extends Error {
  constructor(message: string) {
    super(`${message} ${USAGE}`);
    this.name = 'ExpressionError';
  }
}

/** An expression asks for a value that is only known once another resource exists (`reference`, `list*`). */
export class RuntimeValueMissing extends Error {
  constructor() {
    super('The expression needs a value of a deployed resource.');
    this.name = 'RuntimeValueMissing';
  }
}

/** Runs `work`; an expression error inside becomes ARM's validation text naming `place` (`resource 'web'`). */
export function locateErrors<Result>(place: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof ExpressionError) {
      throw new TemplateError(`Unable to process template language expressions for ${place}. '${error.message}'`);
    }
    throw error;
  }
}

/** ARM's text for a template that does not pass its checks. */
export const validationFailed = (reason: string): TemplateError =>
  new TemplateError(`Deployment template validation failed: '${reason}'.`);
