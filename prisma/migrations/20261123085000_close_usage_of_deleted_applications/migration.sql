-- Billing of an application that Azure deletes ends before the application does, while Azure still takes its usage.
ALTER TABLE "installations" ADD COLUMN "usage_closed_at" TIMESTAMPTZ(3);
ALTER TABLE "clusters" ADD COLUMN "usage_closed" BOOLEAN NOT NULL DEFAULT false;

CREATE OR REPLACE FUNCTION "record_usage_period"() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
  last "usage_periods"%ROWTYPE;
  moment TIMESTAMPTZ := date_trunc('second', coalesce(nullif(current_setting('managed_consul.usage_time', true), '')::timestamptz, now()));
  is_charged BOOLEAN;
  is_reopened BOOLEAN := false;
BEGIN
  IF TG_OP = 'UPDATE' THEN is_reopened := OLD."usage_closed" AND NOT NEW."usage_closed"; END IF;
  -- The period that a reopened cluster goes on from has ended.
  SELECT * INTO last FROM "usage_periods" WHERE "cluster_id" = NEW."id" AND (is_reopened OR "ends_at" IS NULL) ORDER BY "id" DESC LIMIT 1;
  is_charged := CASE
    WHEN NEW."usage_closed" OR NEW."deleted_at" IS NOT NULL OR NEW."provisioning_state" IN ('Deleting', 'Deleted')
      OR NEW."power_state" = 'Suspended' THEN false
    WHEN NEW."provisioning_state" = 'Succeeded' THEN true
    ELSE coalesce(last."charged", false)
  END;
  IF last."id" IS NULL AND NOT is_charged THEN RETURN NULL; END IF;
  IF last."id" IS NOT NULL THEN
    moment := greatest(moment, last."starts_at", last."ends_at");
    IF last."ends_at" IS NULL THEN
      IF NOT NEW."usage_closed" AND last."charged" = is_charged AND last."servers" = NEW."servers" AND last."vm_size" = NEW."vm_size"
        AND last."plan_id" = NEW."plan_id" AND last."installation_id" = NEW."installation_id" THEN RETURN NULL; END IF;
      UPDATE "usage_periods" SET "ends_at" = moment WHERE "id" = last."id";
    END IF;
  END IF;
  IF NEW."usage_closed" THEN RETURN NULL; END IF;
  INSERT INTO "usage_periods" ("cluster_id", "installation_id", "plan_id", "charged", "servers", "vm_size", "starts_at")
  VALUES (NEW."id", NEW."installation_id", NEW."plan_id", is_charged, NEW."servers", NEW."vm_size", moment);
  RETURN NULL;
END $$;
DROP TRIGGER "clusters_change_usage" ON "clusters";
CREATE TRIGGER "clusters_change_usage" AFTER UPDATE ON "clusters" FOR EACH ROW
  WHEN (OLD."provisioning_state" IS DISTINCT FROM NEW."provisioning_state" OR OLD."power_state" IS DISTINCT FROM NEW."power_state"
    OR OLD."servers" IS DISTINCT FROM NEW."servers" OR OLD."vm_size" IS DISTINCT FROM NEW."vm_size"
    OR OLD."plan_id" IS DISTINCT FROM NEW."plan_id" OR OLD."deleted_at" IS DISTINCT FROM NEW."deleted_at"
    OR OLD."installation_id" IS DISTINCT FROM NEW."installation_id" OR OLD."usage_closed" IS DISTINCT FROM NEW."usage_closed")
  EXECUTE FUNCTION "record_usage_period"();

CREATE INDEX "usage_records_hour_idx" ON "usage_records" USING BRIN ("hour");
