import { Module, type DynamicModule } from '@nestjs/common';
import { ADMIN_SERVICES, type AdminServices } from './admin-services';
import { AuditController } from './audit/audit.controller';
import { BillingController } from './billing/billing.controller';
import { CatalogueController } from './catalogue/catalogue.controller';
import { ClustersController } from './clusters/clusters.controller';
import { HealthController } from './http/health.controller';
import { ChangesService } from './http/changes.service';
import { OperationsController } from './operations/operations.controller';
import { MaintenanceController } from './rollouts/maintenance.controller';
import { RolloutsController } from './rollouts/rollouts.controller';

/** The operators' API around its services. */
@Module({})
export class AdminApiModule {
  static around(services: AdminServices): DynamicModule {
    return {
      module: AdminApiModule,
      controllers: [
        ClustersController,
        OperationsController,
        CatalogueController,
        AuditController,
        RolloutsController,
        MaintenanceController,
        BillingController,
        HealthController,
      ],
      providers: [{ provide: ADMIN_SERVICES, useValue: services }, ChangesService],
    };
  }
}
