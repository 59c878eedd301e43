CREATE TABLE "usage_periods" (
  "id" BIGSERIAL NOT NULL,
  "cluster_id" UUID NOT NULL,
  "installation_id" UUID NOT NULL,
  "plan_id" TEXT NOT NULL,
  "charged" BOOLEAN NOT NULL,
  "servers" INTEGER NOT NULL,
  "vm_size" TEXT NOT NULL,
  "starts_at" TIMESTAMPTZ(3) NOT NULL,
  "ends_at" TIMESTAMPTZ(3),
  CONSTRAINT "usage_periods_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "usage_periods_end_after_start" CHECK ("ends_at" >= "starts_at")
);
CREATE INDEX "usage_periods_cluster_id_starts_at_idx" ON "usage_periods" ("cluster_id", "starts_at");
CREATE INDEX "usage_periods_ends_at_idx" ON "usage_periods" ("ends_at");
CREATE UNIQUE INDEX "usage_periods_one_goes_on" ON "usage_periods" ("cluster_id") WHERE "ends_at" IS NULL;

CREATE TABLE "service_instance_peaks" (
  "cluster_id" UUID NOT NULL,
  "hour" TIMESTAMPTZ(3) NOT NULL,
  "instances" INTEGER NOT NULL,
  CONSTRAINT "service_instance_peaks_pkey" PRIMARY KEY ("hour", "cluster_id")
);

CREATE TYPE "UsageRecordKind" AS ENUM ('Measured', 'Correction', 'Credit');
CREATE TABLE "usage_records" (
  "id" BIGSERIAL NOT NULL,
  "kind" "UsageRecordKind" NOT NULL DEFAULT 'Measured',
  "cluster_id" UUID NOT NULL,
  "installation_id" UUID NOT NULL,
  "hour" TIMESTAMPTZ(3) NOT NULL,
  "meter" TEXT NOT NULL,
  "plan_id" TEXT NOT NULL,
  "price_id" UUID,
  "seconds" INTEGER NOT NULL,
  "quantity" DECIMAL(38,0) NOT NULL,
  "corrects_id" BIGINT,
  "reason" TEXT,
  "recorded_by" TEXT NOT NULL DEFAULT 'hour-close',
  "recorded_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "usage_records_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "usage_records_measured_is_not_negative" CHECK ("kind" <> 'Measured' OR ("quantity" >= 0 AND "seconds" BETWEEN 0 AND 3600)),
  CONSTRAINT "usage_records_credit_is_negative" CHECK ("kind" <> 'Credit' OR ("quantity" <= 0 AND "seconds" < 0)),
  CONSTRAINT "usage_records_correction_says_what" CHECK (("kind" = 'Measured') = ("corrects_id" IS NULL))
);
CREATE INDEX "usage_records_installation_id_hour_idx" ON "usage_records" ("installation_id", "hour");
CREATE INDEX "usage_records_cluster_id_hour_idx" ON "usage_records" ("cluster_id", "hour");
CREATE INDEX "usage_records_corrects_id_idx" ON "usage_records" ("corrects_id");
ALTER TABLE "usage_records" ADD CONSTRAINT "usage_records_corrects_id_fkey" FOREIGN KEY ("corrects_id") REFERENCES "usage_records" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
-- However often an hour is closed, and by however many processes, it is in the ledger once.
CREATE UNIQUE INDEX "usage_records_measured_once" ON "usage_records" ("hour", "cluster_id", "meter", "plan_id", "price_id")
  NULLS NOT DISTINCT WHERE "kind" = 'Measured';

CREATE TABLE "usage_hours" (
  "hour" TIMESTAMPTZ(3) NOT NULL,
  "closed_at" TIMESTAMPTZ(3) NOT NULL,
  "records" INTEGER NOT NULL,
  CONSTRAINT "usage_hours_pkey" PRIMARY KEY ("hour")
);

CREATE TABLE "plan_prices" (
  "id" UUID NOT NULL,
  "plan_id" TEXT NOT NULL,
  "valid_from" TIMESTAMPTZ(3) NOT NULL,
  "currency" TEXT NOT NULL DEFAULT 'USD',
  "dimensions" JSONB NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "plan_prices_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "plan_prices_plan_id_valid_from_key" ON "plan_prices" ("plan_id", "valid_from");
ALTER TABLE "plan_prices" ADD CONSTRAINT "plan_prices_plan_id_fkey" FOREIGN KEY ("plan_id") REFERENCES "plans" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;

CREATE TABLE "budgets" (
  "installation_id" UUID NOT NULL,
  "amount" DECIMAL(18,6) NOT NULL,
  "thresholds" INTEGER[],
  "updated_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "budgets_pkey" PRIMARY KEY ("installation_id")
);
CREATE TABLE "budget_notices" (
  "installation_id" UUID NOT NULL,
  "month" DATE NOT NULL,
  "threshold" INTEGER NOT NULL,
  "cost" DECIMAL(18,6) NOT NULL,
  "amount" DECIMAL(18,6) NOT NULL,
  "given_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "budget_notices_pkey" PRIMARY KEY ("installation_id", "month", "threshold")
);

CREATE INDEX "snapshots_deleted_at_idx" ON "snapshots" ("deleted_at");

-- What is billed is recorded here and not by the code that changes clusters, so that no change can be forgotten. The time is the
-- database's, which all workers share; `managed_consul.usage_time` replays other times in tests. A clock that steps back ends no
-- period before it began.
CREATE FUNCTION "record_usage_period"() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
  last "usage_periods"%ROWTYPE;
  moment TIMESTAMPTZ := date_trunc('second', coalesce(nullif(current_setting('managed_consul.usage_time', true), '')::timestamptz, now()));
  is_charged BOOLEAN;
BEGIN
  SELECT * INTO last FROM "usage_periods" WHERE "cluster_id" = NEW."id" AND "ends_at" IS NULL;
  is_charged := CASE
    WHEN NEW."deleted_at" IS NOT NULL OR NEW."provisioning_state" IN ('Deleting', 'Deleted') OR NEW."power_state" = 'Suspended' THEN false
    WHEN NEW."provisioning_state" = 'Succeeded' THEN true
    ELSE coalesce(last."charged", false)
  END;
  IF last."id" IS NULL AND NOT is_charged THEN RETURN NULL; END IF;
  IF last."id" IS NOT NULL THEN
    IF last."charged" = is_charged AND last."servers" = NEW."servers" AND last."vm_size" = NEW."vm_size"
      AND last."plan_id" = NEW."plan_id" AND last."installation_id" = NEW."installation_id" THEN RETURN NULL; END IF;
    moment := greatest(moment, last."starts_at");
    UPDATE "usage_periods" SET "ends_at" = moment WHERE "id" = last."id";
  END IF;
  INSERT INTO "usage_periods" ("cluster_id", "installation_id", "plan_id", "charged", "servers", "vm_size", "starts_at")
  VALUES (NEW."id", NEW."installation_id", NEW."plan_id", is_charged, NEW."servers", NEW."vm_size", moment);
  RETURN NULL;
END $$;
CREATE TRIGGER "clusters_begin_usage" AFTER INSERT ON "clusters" FOR EACH ROW
  WHEN (NEW."provisioning_state" = 'Succeeded') EXECUTE FUNCTION "record_usage_period"();
CREATE TRIGGER "clusters_change_usage" AFTER UPDATE ON "clusters" FOR EACH ROW
  WHEN (OLD."provisioning_state" IS DISTINCT FROM NEW."provisioning_state" OR OLD."power_state" IS DISTINCT FROM NEW."power_state"
    OR OLD."servers" IS DISTINCT FROM NEW."servers" OR OLD."vm_size" IS DISTINCT FROM NEW."vm_size"
    OR OLD."plan_id" IS DISTINCT FROM NEW."plan_id" OR OLD."deleted_at" IS DISTINCT FROM NEW."deleted_at"
    OR OLD."installation_id" IS DISTINCT FROM NEW."installation_id")
  EXECUTE FUNCTION "record_usage_period"();

-- Clusters that were there before the ledger are billed from now on.
INSERT INTO "usage_periods" ("cluster_id", "installation_id", "plan_id", "charged", "servers", "vm_size", "starts_at")
SELECT "id", "installation_id", "plan_id", "power_state" = 'Running' AND "provisioning_state" NOT IN ('Deleting', 'Deleted'),
  "servers", "vm_size", date_trunc('second', now())
FROM "clusters" WHERE "deleted_at" IS NULL AND "observed_consul_version" IS NOT NULL;

CREATE FUNCTION "refuse_change_of_ledger"() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'Rows of % are never changed or removed. Correct them by another row.', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER "usage_records_are_immutable" BEFORE UPDATE OR DELETE ON "usage_records" FOR EACH ROW EXECUTE FUNCTION "refuse_change_of_ledger"();
CREATE TRIGGER "usage_records_stay" BEFORE TRUNCATE ON "usage_records" FOR EACH STATEMENT EXECUTE FUNCTION "refuse_change_of_ledger"();
CREATE TRIGGER "usage_hours_are_immutable" BEFORE UPDATE OR DELETE ON "usage_hours" FOR EACH ROW EXECUTE FUNCTION "refuse_change_of_ledger"();
CREATE TRIGGER "usage_hours_stay" BEFORE TRUNCATE ON "usage_hours" FOR EACH STATEMENT EXECUTE FUNCTION "refuse_change_of_ledger"();
CREATE TRIGGER "plan_prices_are_immutable" BEFORE UPDATE OR DELETE ON "plan_prices" FOR EACH ROW EXECUTE FUNCTION "refuse_change_of_ledger"();
CREATE TRIGGER "plan_prices_stay" BEFORE TRUNCATE ON "plan_prices" FOR EACH STATEMENT EXECUTE FUNCTION "refuse_change_of_ledger"();
CREATE TRIGGER "usage_periods_stay" BEFORE TRUNCATE ON "usage_periods" FOR EACH STATEMENT EXECUTE FUNCTION "refuse_change_of_ledger"();
CREATE TRIGGER "usage_periods_are_kept" BEFORE DELETE ON "usage_periods" FOR EACH ROW EXECUTE FUNCTION "refuse_change_of_ledger"();
-- Of a period only the end is written, once.
CREATE TRIGGER "usage_periods_are_immutable" BEFORE UPDATE ON "usage_periods" FOR EACH ROW
  WHEN (OLD."ends_at" IS NOT NULL OR (OLD."id", OLD."cluster_id", OLD."installation_id", OLD."plan_id", OLD."charged", OLD."servers", OLD."vm_size", OLD."starts_at")
    IS DISTINCT FROM (NEW."id", NEW."cluster_id", NEW."installation_id", NEW."plan_id", NEW."charged", NEW."servers", NEW."vm_size", NEW."starts_at"))
  EXECUTE FUNCTION "refuse_change_of_ledger"();
