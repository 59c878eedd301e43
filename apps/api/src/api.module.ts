import { Module, type DynamicModule } from '@nestjs/common';
import { API_SERVICES, type ApiServices } from './api-services';
import { AuditController } from './audit/audit.controller';
import { CatalogueController, PublicVersionsController } from './catalogue/catalogue.controller';
import { ClientAccessController } from './client-access/client-access.controller';
import { ClientAccessService } from './client-access/client-access.service';
import { ClustersController } from './clusters/clusters.controller';
import { ClustersService } from './clusters/clusters.service';
import { FederationController } from './federation/federation.controller';
import { FrontDoorController } from './hcs-api/front-door';
import { HcsActionsController } from './hcs-api/hcs-actions.controller';
import { HcsBillingController } from './hcs-api/hcs-billing.controller';
import { HcsPlaces } from './hcs-api/hcs-call';
import { HcsFirstCluster } from './hcs-api/hcs-first-cluster';
import { HcsTurns } from './hcs-api/hcs-turns';
import { HcsClustersController } from './hcs-api/hcs-clusters.controller';
import { HcsClustersService } from './hcs-api/hcs-clusters.service';
import { HcsOperationsService } from './hcs-api/hcs-operations.service';
import { HcsSnapshotsController } from './hcs-api/hcs-snapshots.controller';
import { InstallationsController } from './installations/installations.controller';
import { NotificationsController } from './notifications/notifications.controller';
import { LifecycleController } from './lifecycle/lifecycle.controller';
import { LifecycleService } from './lifecycle/lifecycle.service';
import { UpgradesController } from './lifecycle/upgrades.controller';
import { UpgradesService } from './lifecycle/upgrades.service';
import { OperationResultsService } from './operations/operation-results.service';
import { OperationsController } from './operations/operations.controller';
import { OperationsService } from './operations/operations.service';
import { RequestsService } from './operations/requests.service';
import { ServiceInformationController } from './service-information/service-information.controller';
import { SnapshotsController } from './snapshots/snapshots.controller';
import { UsageController } from './usage/usage.controller';
import { SnapshotsService } from './snapshots/snapshots.service';

/** The customers' API around its services. */
@Module({})
export class ApiModule {
  static around(services: ApiServices): DynamicModule {
    return {
      module: ApiModule,
      controllers: [
        ClustersController,
        SnapshotsController,
        LifecycleController,
        UpgradesController,
        OperationsController,
        AuditController,
        ClientAccessController,
        FederationController,
        UsageController,
        InstallationsController,
        CatalogueController,
        PublicVersionsController,
        NotificationsController,
        ServiceInformationController,
        FrontDoorController,
        HcsClustersController,
        HcsSnapshotsController,
        HcsActionsController,
        HcsBillingController,
      ],
      providers: [
        { provide: API_SERVICES, useValue: services },
        ClustersService,
        OperationsService,
        OperationResultsService,
        RequestsService,
        SnapshotsService,
        LifecycleService,
        UpgradesService,
        ClientAccessService,
        HcsPlaces,
        HcsFirstCluster,
        HcsTurns,
        HcsClustersService,
        HcsOperationsService,
      ],
    };
  }
}
