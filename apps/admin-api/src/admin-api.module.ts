import { Module, type DynamicModule } from '@nestjs/common';
import { ADMIN_SERVICES, type AdminServices } from './admin-services';
import { AuditController } from './audit/audit.controller';
import { BillingController } from './billing/billing.controller';
import { BreakGlassController } from './break-glass/break-glass.controller';
import { CatalogueController } from './catalogue/catalogue.controller';
import { ClusterCareController } from './clusters/cluster-care.controller';
import { ClustersController } from './clusters/clusters.controller';
import { DiagnosticsController } from './diagnostics/diagnostics.controller';
import { SnapshotCareController } from './clusters/snapshot-care.controller';
import { FleetPageController } from './fleet-page/fleet-page.controller';
import { HealthController } from './http/health.controller';
import { ChangesService } from './http/changes.service';
import { PausesController } from './operations/pauses.controller';
import { OperationsController } from './operations/operations.controller';
import { MaintenanceController } from './rollouts/maintenance.controller';
import { TenantsController } from './tenants/tenants.controller';
import { RolloutsController } from './rollouts/rollouts.controller';

/** The operators' API around its services. */
@Module({})
export class AdminApiModule {
  static around(services: AdminServices): DynamicModule {
    return {
      module: AdminApiModule,
      controllers: [
        ClustersController,
        ClusterCareController,
        SnapshotCareController,
        DiagnosticsController,
        OperationsController,
        PausesController,
        TenantsController,
        CatalogueController,
        AuditController,
        RolloutsController,
        MaintenanceController,
        BillingController,
        BreakGlassController,
        HealthController,
        FleetPageController,
      ],
      providers: [{ provide: ADMIN_SERVICES, useValue: services }, ChangesService],
    };
  }
}
