import { Controller, Delete, Get, Inject, Param, Put, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { HCS_CONTROLLER_PATHS } from './hcs-address';
import { FromHcsCall, type HcsCall } from './hcs-call';
import { HcsClustersService } from './hcs-clusters.service';

/**
 * The clusters of an installation as the HCS API has them. Answers are 200 while a cluster is being made too: its clients take
 * no 202, and look at the state.
 */
@Controller(HCS_CONTROLLER_PATHS.map((path) => `${path}/consulClusters`))
export class HcsClustersController {
  readonly #clusters: HcsClustersService;

  constructor(@Inject(HcsClustersService) clusters: HcsClustersService) {
    this.#clusters = clusters;
  }

  @Get()
  async list(@FromHcsCall() call: HcsCall, @Res({ passthrough: true }) reply: FastifyReply) {
    void reply.header('cache-control', 'no-store');
    return { value: await this.#clusters.list(call) };
  }

  @Get(':name')
  async get(@FromHcsCall() call: HcsCall, @Param('name') name: string, @Res({ passthrough: true }) reply: FastifyReply) {
    void reply.header('cache-control', 'no-store');
    return this.#clusters.get(call, name);
  }

  @Put(':name')
  async put(@FromHcsCall() call: HcsCall, @Param('name') name: string, @Res({ passthrough: true }) reply: FastifyReply) {
    void reply.header('cache-control', 'no-store');
    return this.#clusters.put(call, name);
  }

  @Delete(':name')
  async delete(@FromHcsCall() call: HcsCall, @Param('name') name: string) {
    await this.#clusters.delete(call, name);
    return {};
  }
}
