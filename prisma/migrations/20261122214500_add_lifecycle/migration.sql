CREATE TYPE "PowerState" AS ENUM ('Running', 'Suspended');

CREATE TYPE "SnapshotKind" AS ENUM ('SCHEDULED', 'MANUAL', 'SAFETY', 'FINAL');

CREATE TYPE "SnapshotState" AS ENUM ('QUEUED', 'CREATING', 'VERIFIED', 'FAILED', 'DELETING');

ALTER TABLE "clusters"
  ADD COLUMN "snapshot_retention_count" INTEGER NOT NULL DEFAULT 60,
  ADD COLUMN "blackout_dates" JSONB NOT NULL DEFAULT '[]',
  ADD COLUMN "upgrade_deferred_until" TIMESTAMPTZ(3),
  ADD COLUMN "power_state" "PowerState" NOT NULL DEFAULT 'Running',
  ADD COLUMN "observed_at" TIMESTAMPTZ(3);

ALTER TABLE "servers"
  ADD COLUMN "raft_role" TEXT,
  ADD COLUMN "healthy" BOOLEAN;

CREATE TABLE "snapshots" (
  "id" UUID NOT NULL,
  "cluster_id" UUID NOT NULL,
  "installation_id" UUID NOT NULL,
  "name" TEXT NOT NULL,
  "kind" "SnapshotKind" NOT NULL,
  "state" "SnapshotState" NOT NULL DEFAULT 'QUEUED',
  "requested_by" TEXT NOT NULL,
  "storage_account_name" TEXT,
  "container_name" TEXT,
  "blob_name" TEXT,
  "size_bytes" BIGINT,
  "stored_bytes" BIGINT,
  "sha256" TEXT,
  "stored_sha256" TEXT,
  "raft_index" BIGINT,
  "raft_term" BIGINT,
  "consul_version" TEXT,
  "cluster_facts" JSONB NOT NULL DEFAULT '{}',
  "failure_code" TEXT,
  "failure_message" TEXT,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "verified_at" TIMESTAMPTZ(3),
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  "last_drill" JSONB,
  "deleted_at" TIMESTAMPTZ(3),

  CONSTRAINT "snapshots_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "snapshots_cluster_id_created_at_id_idx" ON "snapshots" ("cluster_id", "created_at", "id");

CREATE INDEX "snapshots_installation_id_created_at_id_idx" ON "snapshots" ("installation_id", "created_at", "id");

CREATE INDEX "snapshots_expires_at_idx" ON "snapshots" ("expires_at");

-- A name tells snapshots of a cluster apart as long as they exist; beyond what a Prisma schema can say.
CREATE UNIQUE INDEX "snapshots_name_of_cluster" ON "snapshots" ("cluster_id", lower("name")) WHERE "deleted_at" IS NULL;

CREATE TABLE "cluster_schedules" (
  "cluster_id" UUID NOT NULL,
  "kind" TEXT NOT NULL,
  "due_at" TIMESTAMPTZ(3) NOT NULL,

  CONSTRAINT "cluster_schedules_pkey" PRIMARY KEY ("cluster_id", "kind")
);

CREATE INDEX "cluster_schedules_due_at_idx" ON "cluster_schedules" ("due_at");
