const APPLICATION_ID =
  /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/providers\/Microsoft\.Solutions\/applications\/([^/]+)$/i;

/** Where a managed application is, in the spelling of its id. */
export interface ApplicationPlace {
  subscriptionId: string;
  resourceGroup: string;
  name: string;
}

/** Undefined for what is not the id of a managed application. */
export function parseApplicationId(id: string | null): ApplicationPlace | undefined {
  const [, subscriptionId, resourceGroup, name] = APPLICATION_ID.exec(id ?? '') ?? [];
  return subscriptionId && resourceGroup && name ? { subscriptionId, resourceGroup, name } : undefined;
}
