import { createHash } from 'node:crypto';
import { ArmError, type ArmErrorDetail } from '../arm/arm-error';
import { asJsonObject, textOf, type JsonObject } from '../arm/json';
import { systemPrincipal } from '../arm/principal';
import type { Platform } from '../arm/resource-provider';
import type { ResourceWork } from '../arm/resource-type';
import type { Definition } from './application-definitions';

/** How long to wait before looking again at a deployment that an earlier life of the process began. */
const PAUSE_MILLISECONDS = 500;

/** Deploys an application's main template into its managed resource group. */
export class ApplicationDeployment {
  constructor(private readonly platform: Pick<Platform, 'resources' | 'operations' | 'clock'>) {}

  /** The outputs of the template. Throws `ApplianceDeploymentFailed` with Azure's reasons. */
  async run(work: ResourceWork, groupId: string, definition: Definition): Promise<JsonObject> {
    const suffix = createHash('sha256').update(work.operationId).digest('hex').slice(0, 8);
    const id = `${groupId}/providers/Microsoft.Resources/deployments/${work.id.name.slice(0, 50)}-${suffix}`;
    await this.deployOnce(work, id, {
      properties: {
        mode: definition.deploymentMode,
        template: definition.mainTemplate,
        parameters: asJsonObject(work.resource.hidden['parameters']),
      },
    });
    const properties: JsonObject = (await this.platform.resources.get(id))?.properties ?? {};
    if (properties['provisioningState'] === 'Succeeded') return asJsonObject(properties['outputs']);
    const reason = asJsonObject(properties['error']) as unknown as ArmErrorDetail;
    throw new ArmError(
      409,
      'ApplianceDeploymentFailed',
      `The operation to create appliance failed. Please check operations of deployment '${id.split('/').at(-1)}' under resource group ` +
        `'${groupId.split('/').at(-1)}'. Error message: '${reason.message}'`,
      { details: [reason] },
    );
  }

  /** Begins the deployment unless this operation has begun it before, and waits for its end. */
  private async deployOnce(work: ResourceWork, id: string, body: JsonObject): Promise<void> {
    const { resources, operations, clock } = this.platform;
    const known = await resources.get(id);
    if (!known) {
      const { operationId } = await this.begin(id, body);
      if (operationId !== undefined) await operations.waitFor(operationId, work.signal);
      return;
    }
    while (
      !['Succeeded', 'Failed', 'Canceled'].includes(textOf((await resources.get(id))?.properties['provisioningState'], 'Failed'))
    ) {
      await clock.sleep(PAUSE_MILLISECONDS, work.signal);
    }
  }

  /** A template that is refused outright is told in the same words as one that fails later. */
  private async begin(id: string, body: JsonObject): Promise<{ operationId: string | undefined }> {
    try {
      return await this.platform.resources.put(id, body, systemPrincipal);
    } catch (error) {
      if (!(error instanceof ArmError)) throw error;
      throw new ArmError(
        error.status,
        'ApplianceDeploymentFailed',
        `The operation to create appliance failed. The template deployment was refused. Error message: '${error.message}'`,
        { details: [error.toErrorObject()] },
      );
    }
  }
}
