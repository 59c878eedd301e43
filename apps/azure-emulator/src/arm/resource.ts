import { type JsonObject } from './json';

export type Tags = Record<string, string>;

/** What a PUT brings, beside the id in its path. */
export interface ResourceBody {
  location?: string;
  tags?: Tags;
  kind?: string;
  managedBy?: string;
  sku?: JsonObject;
  plan?: JsonObject;
  identity?: JsonObject;
  zones?: string[];
  properties: JsonObject;
}

export interface SystemData {
  createdBy: string;
  createdByType: string;
  createdAt: string;
  lastModifiedBy: string;
  lastModifiedByType: string;
  lastModifiedAt: string;
}

/** A resource as kept. `properties.provisioningState` is the pipeline's; `hidden` is never shown. */
export interface StoredResource extends ResourceBody {
  id: string;
  name: string;
  /** With the namespace, in the case in which the provider declares it. */
  type: string;
  etag: string;
  systemData: SystemData;
  hidden: JsonObject;
}
