CREATE TYPE "UsageEmissionState" AS ENUM ('Pending', 'Accepted', 'Mismatched', 'Parked', 'Unresolved', 'Expired');
CREATE TABLE "usage_emissions" (
  "id" UUID NOT NULL,
  "installation_id" UUID NOT NULL,
  "resource_id" TEXT NOT NULL,
  "dimension" TEXT NOT NULL,
  "hour" TIMESTAMPTZ(3) NOT NULL,
  "plan_id" TEXT NOT NULL,
  "ledger_quantity" DECIMAL(38,0) NOT NULL,
  "carried_quantity" DECIMAL(38,0) NOT NULL DEFAULT 0,
  "quantity" DECIMAL(24,6) NOT NULL,
  "state" "UsageEmissionState" NOT NULL DEFAULT 'Pending',
  "may_be_taken" BOOLEAN NOT NULL DEFAULT false,
  "attempts" INTEGER NOT NULL DEFAULT 0,
  "next_try_at" TIMESTAMPTZ(3) NOT NULL,
  "usage_event_id" TEXT,
  "accepted_quantity" DECIMAL(24,6),
  "problem" TEXT,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "settled_at" TIMESTAMPTZ(3),
  CONSTRAINT "usage_emissions_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "usage_emissions_quantity_is_positive" CHECK ("quantity" > 0)
);
CREATE UNIQUE INDEX "usage_emissions_resource_id_dimension_hour_key" ON "usage_emissions" ("resource_id", "dimension", "hour");
CREATE INDEX "usage_emissions_state_next_try_at_idx" ON "usage_emissions" ("state", "next_try_at");
CREATE INDEX "usage_emissions_installation_id_idx" ON "usage_emissions" ("installation_id");

CREATE TABLE "usage_emission_sources" (
  "record_id" BIGINT NOT NULL,
  "emission_id" UUID,
  CONSTRAINT "usage_emission_sources_pkey" PRIMARY KEY ("record_id")
);
CREATE INDEX "usage_emission_sources_emission_id_idx" ON "usage_emission_sources" ("emission_id");
ALTER TABLE "usage_emission_sources" ADD CONSTRAINT "usage_emission_sources_emission_id_fkey" FOREIGN KEY ("emission_id") REFERENCES "usage_emissions" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;

CREATE TABLE "usage_emission_totals" (
  "resource_id" TEXT NOT NULL,
  "dimension" TEXT NOT NULL,
  "ledger_quantity" DECIMAL(38,0) NOT NULL,
  "quantity" DECIMAL(24,6) NOT NULL,
  CONSTRAINT "usage_emission_totals_pkey" PRIMARY KEY ("resource_id", "dimension")
);
CREATE TABLE "usage_emission_progress" (
  "id" INTEGER NOT NULL DEFAULT 1,
  "through_record_id" BIGINT NOT NULL,
  CONSTRAINT "usage_emission_progress_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "usage_emission_progress_is_one" CHECK ("id" = 1)
);
CREATE TABLE "usage_mismatches" (
  "day" DATE NOT NULL,
  "resource_id" TEXT NOT NULL,
  "dimension" TEXT NOT NULL,
  "sent_quantity" DECIMAL(24,6) NOT NULL,
  "submitted_quantity" DECIMAL(24,6) NOT NULL,
  "processed_quantity" DECIMAL(24,6) NOT NULL,
  "recon_status" TEXT NOT NULL,
  "found_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "usage_mismatches_pkey" PRIMARY KEY ("day", "resource_id", "dimension")
);
