-- A resource group belongs to one installation at a time. What failed or was deleted stays as history and holds no place.
-- Azure compares names of resource groups without regard to case.
DROP INDEX "installations_subscription_id_resource_group_key";

CREATE UNIQUE INDEX "installations_one_per_place" ON "installations" ("subscription_id", lower("resource_group"))
  WHERE "state" IN ('Registering', 'Ready', 'Deleting');
