import { Controller, Get, Inject, Param } from '@nestjs/common';
import { recordAudit, type Requester } from '@managed-consul/access';
import { diagnosticParamsSchema, diagnosticSchemas, type DiagnosticAnswerBody } from '@managed-consul/api-contract';
import { AppError } from '@managed-consul/errors';
import { getFleetCluster } from '@managed-consul/fleet';
import { FromRequester, readInput } from '@managed-consul/http-api';
import { ADMIN_SERVICES, type AdminServices } from '../admin-services';
import { askCluster } from './ask-cluster';

/** A look asks for no ticket, but it goes to the customer's machines, so it is recorded where the customer sees it. */
const ROUTINE = { reason: 'Look at what Consul says of itself.', ticket: 'none' };

/** `/admin/clusters/{id}/consul`. */
@Controller('admin/clusters')
export class DiagnosticsController {
  readonly #services: AdminServices;

  constructor(@Inject(ADMIN_SERVICES) services: AdminServices) {
    this.#services = services;
  }

  @Get(':id/consul/:diagnostic')
  async diagnose(@FromRequester() requester: Requester, @Param() params: unknown): Promise<DiagnosticAnswerBody> {
    const { id: clusterId, diagnostic } = readInput(diagnosticParamsSchema, params);
    const { agents, database, clock } = this.#services;
    if (!agents) throw new AppError('ServiceUnavailable', 'This installation does not let operators ask Consul.');
    const { installationId } = await getFleetCluster(database, clusterId);
    const about = { clusterId, installationId, detail: { diagnostic } };
    await database.prisma.$transaction((tx) =>
      recordAudit(tx, requester, { action: 'diagnose-consul', ...about, operator: ROUTINE }),
    );
    const askedAt = clock.now().toISOString();
    const { server, answer } = await askCluster(database, agents, clusterId, diagnostic);
    return { diagnostic, server, askedAt, answer: diagnosticSchemas[diagnostic].parse(answer) };
  }
}
