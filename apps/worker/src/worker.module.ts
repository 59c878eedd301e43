import { Module, type DynamicModule } from '@nestjs/common';
import { OperationWorker, WORKER_PARTS, type WorkerParts } from './operation-worker';

/** The worker around the parts it is given; they are opened and closed by whoever gives them. */
@Module({})
export class WorkerModule {
  static around(parts: WorkerParts): DynamicModule {
    return { module: WorkerModule, providers: [{ provide: WORKER_PARTS, useValue: parts }, OperationWorker] };
  }
}
