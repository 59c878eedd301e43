import { ArmError } from '../arm/arm-error';
import { asJsonObject } from '../arm/json';
import type { Principal } from '../arm/principal';
import type { ResourceAccess } from '../arm/resource-provider';
import { tryParseResourceId } from '../arm/resource-id';
import type { ReadRuntimeValue } from '../template-language/expanded-template';
import type { JsonObject, JsonValue } from '../template-language/json-value';

/** Reads what `reference` and `list*` ask for, with the rights of the deployment's caller for `list*`. Throws `ResourceNotFound`. */
export const readDeployedResources =
  (resources: ResourceAccess, caller: Principal): ReadRuntimeValue =>
  async (lookup, target): Promise<JsonValue> => {
    const id = tryParseResourceId(target?.id ?? lookup.resource);
    if (!id) {
      const message = `The template function '${lookup.functionName}' names '${lookup.resource}', which is not defined in the template and is no resource id.`;
      throw new ArmError(400, 'InvalidTemplate', message);
    }
    if (lookup.functionName.toLowerCase() !== 'reference') {
      return (await resources.act(id.id, lookup.functionName, asJsonObject(lookup.body), caller)) as JsonValue;
    }
    const resource = await resources.get(id.id);
    if (!resource) {
      const message = `The Resource '${id.fullType}/${id.name}' under resource group '${id.resourceGroup}' was not found.`;
      throw new ArmError(404, 'ResourceNotFound', message, { target: id.id });
    }
    const shown = (await resources.present(resource)) as JsonObject;
    if (!lookup.full) return shown['properties'] ?? {};
    return {
      ...shown,
      apiVersion: lookup.apiVersion ?? target?.apiVersion ?? '',
      resourceId: id.id,
      subscriptionId: id.subscriptionId ?? '',
      resourceGroupName: id.resourceGroup ?? '',
    };
  };
