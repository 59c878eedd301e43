import { Body, Controller, Get, Inject, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { fleetClusterQuerySchema } from '@managed-consul/api-contract';
import {
  countFleet,
  findEmissions,
  findFleetClusters,
  findFleetOperations,
  findMismatches,
  findRollouts,
  listFreezes,
  readQueue,
} from '@managed-consul/fleet';
import { pageOf, Public, readInput, readPageRequest } from '@managed-consul/http-api';
import { ADMIN_SERVICES, type AdminServices } from '../admin-services';
import { clusterPages } from '../clusters/clusters.controller';
import { fleetPage, signInPage, SHOWN, type FleetFacts } from './fleet-page';
import { STYLE } from './fleet-page.style';
import { isFromElsewhere, keepToken, roleOfRequest, roleOfToken } from './fleet-session';

const PAGE = '/fleet';
/** The addresses that take what a form sends. */
export const FORM_ADDRESSES = [`${PAGE}/sign-in`, `${PAGE}/sign-out`];

/** No script, nothing from elsewhere, in nobody's frame. */
const POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const { name, region, consulVersion, provisioningState, pageToken } = fleetClusterQuerySchema.shape;
/** A form sends what was left empty as an empty text. */
const pageQuerySchema = z.preprocess(
  (query) => Object.fromEntries(Object.entries(query as object).filter(([, value]) => value !== '')),
  z.strictObject({ name, region, consulVersion, provisioningState, pageToken }),
);
const signInSchema = z.object({ token: z.string().trim() });

/** `/fleet`: the fleet for whoever is on call, to read. Signs in with a token of the operators' API. */
@Public()
@Controller('fleet')
export class FleetPageController {
  readonly #services: AdminServices;

  constructor(@Inject(ADMIN_SERVICES) services: AdminServices) {
    this.#services = services;
  }

  @Get()
  async show(@Query() query: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const role = await roleOfRequest(this.#services, request);
    if (role === undefined) answerPage(reply, 401, signInPage());
    else answerPage(reply, 200, fleetPage(await this.#read(query, request)));
  }

  @Get('style.css')
  style(@Res() reply: FastifyReply): void {
    void reply.header('content-type', 'text/css; charset=utf-8').header('cache-control', 'max-age=600').send(STYLE);
  }

  @Post('sign-in')
  async signIn(@Body() body: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { token } = readInput(signInSchema, body ?? {});
    const isOperator = !isFromElsewhere(request) && (await roleOfToken(this.#services, token)) !== undefined;
    if (!isOperator) {
      answerPage(reply, 401, signInPage('This token does not open the page.'));
      return;
    }
    keepToken(this.#services, reply, token);
    void reply.header('cache-control', 'no-store').redirect(PAGE, 303);
  }

  @Post('sign-out')
  signOut(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    if (!isFromElsewhere(request)) keepToken(this.#services, reply, '');
    void reply.header('cache-control', 'no-store').redirect(PAGE, 303);
  }

  async #read(query: unknown, request: FastifyRequest): Promise<FleetFacts> {
    const { database, clock, publicUrl, queueDepth } = this.#services;
    const { pageToken: token, ...filter } = readInput(pageQuerySchema, query);
    const page = readPageRequest(clusterPages, { pageToken: token });
    const limit = SHOWN;
    const [counts, troubled, rows, overdue, running, failed, queue, bells, rollouts, freezes, emissions, mismatches] =
      await Promise.all([
        countFleet(database),
        findFleetClusters(database, { ...filter, health: 'unhealthy', limit }),
        findFleetClusters(database, { ...filter, ...page }),
        findFleetOperations(database, { state: 'Running', paged: true, limit }),
        findFleetOperations(database, { state: 'Running', limit }),
        findFleetOperations(database, { state: 'Failed', limit }),
        readQueue(database, clock),
        queueDepth(),
        Promise.all((['Running', 'Paused'] as const).map((state) => findRollouts(database, { state, limit }))),
        listFreezes(database, clock),
        Promise.all((['Parked', 'Mismatched', 'Unresolved'] as const).map((state) => findEmissions(database, { state, limit }))),
        findMismatches(database),
      ]);
    const { value: clusters, nextPageToken } = pageOf(clusterPages, rows, page, new URL(request.url, publicUrl), (row) => row);
    return {
      ...{ now: clock.now(), counts, filter, troubled, clusters, nextPageToken, overdue, running, failed, queue, bells, freezes },
      ...{ rollouts: rollouts.flat(), emissions: emissions.flat(), mismatches: mismatches.slice(0, SHOWN) },
    };
  }
}

/** Answers with a page that nobody keeps. */
export function answerPage(reply: FastifyReply, status: number, page: string): void {
  void reply
    .status(status)
    .headers({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': POLICY,
      'referrer-policy': 'no-referrer',
    })
    .send(page);
}
