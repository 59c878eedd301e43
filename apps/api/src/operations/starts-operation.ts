import { applyDecorators, HttpCode, Inject, Injectable, UseInterceptors } from '@nestjs/common';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { tap, type Observable } from 'rxjs';
import { API_SERVICES, type ApiServices } from '../api-services';
import { pointToOperation } from '../http/operation-headers';

/** An answer that an operation was begun. */
export interface AcceptedAnswer {
  operation: { id: string };
}

/** Says in the headers of an accepted request where to follow its operation. */
@Injectable()
export class OperationPointer implements NestInterceptor<AcceptedAnswer, AcceptedAnswer> {
  readonly #publicUrl: string;

  constructor(@Inject(API_SERVICES) { publicUrl }: ApiServices) {
    this.#publicUrl = publicUrl;
  }

  intercept(context: ExecutionContext, next: CallHandler<AcceptedAnswer>): Observable<AcceptedAnswer> {
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return next.handle().pipe(tap(({ operation }) => pointToOperation(reply, this.#publicUrl, operation.id)));
  }
}

/** Marks a handler whose answer is always 202 with the operation that it began. */
export const StartsOperation = () => applyDecorators(HttpCode(202), UseInterceptors(OperationPointer));
