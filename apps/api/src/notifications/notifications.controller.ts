import { createHash, timingSafeEqual } from 'node:crypto';
import { Body, Controller, HttpCode, Inject, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { notificationSchema } from '@managed-consul/api-contract';
import { recordApplicationNews } from '@managed-consul/clusters';
import type { Prisma } from '@managed-consul/database';
import { AppError } from '@managed-consul/errors';
import { Public, readInput } from '@managed-consul/http-api';
import { API_SERVICES, type ApiServices } from '../api-services';

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Azure's notifications of managed applications. What makes them trustworthy is not the secret in the address alone: the
 * operation they lead to asks Azure what is true.
 */
@Public()
@Controller('notifications')
export class NotificationsController {
  readonly #services: ApiServices;

  constructor(@Inject(API_SERVICES) services: ApiServices) {
    this.#services = services;
  }

  @Post('resource')
  @HttpCode(200)
  async receive(@Query('sig') signature: unknown, @Body() body: unknown, @Req() request: FastifyRequest) {
    this.#confirm(signature, request);
    const { applicationId, eventType, provisioningState, eventTime } = readInput(notificationSchema, body);
    const news = { applicationId, eventType, provisioningState, eventTime: new Date(eventTime) };
    const { database, operations, clock, log } = this.#services;
    const { correlationId } = request;
    const subject = await database.prisma.$transaction((tx) =>
      recordApplicationNews(tx, { ...news, body: body as Prisma.InputJsonObject, correlationId }, clock),
    );
    // News that were sent before ask for nothing, whoever sends them again.
    const asksForWork = subject !== undefined;
    log.info({ correlationId, applicationId, eventType, provisioningState, asksForWork }, 'Notification taken');
    if (subject !== undefined) void operations.nudge(subject).catch(() => undefined);
    return {};
  }

  /** Compares digests, so that the time taken tells nothing about the secret. */
  #confirm(signature: unknown, { correlationId, routeOptions }: FastifyRequest): void {
    const expected = digestOf(this.#services.notificationSecret.reveal());
    if (typeof signature === 'string' && timingSafeEqual(digestOf(signature), expected)) return;
    this.#services.log.warn({ correlationId, route: routeOptions.url }, 'Notification refused');
    throw new AppError('AuthenticationFailed', 'The sig in the address is not the one that notifications are sent with.');
  }
}
