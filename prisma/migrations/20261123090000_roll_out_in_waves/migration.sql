-- CreateEnum
CREATE TYPE "RolloutState" AS ENUM ('Running', 'Paused', 'Succeeded', 'Aborted');

-- CreateEnum
CREATE TYPE "RolloutClusterState" AS ENUM ('Waiting', 'Running', 'Succeeded', 'Failed', 'Skipped');

-- CreateEnum
CREATE TYPE "FreezeScope" AS ENUM ('All', 'Region', 'Tenant', 'Cluster');

-- CreateTable
CREATE TABLE "rollouts" (
    "id" UUID NOT NULL,
    "task" TEXT NOT NULL,
    "consul_version" TEXT,
    "selection" JSONB NOT NULL,
    "state" "RolloutState" NOT NULL DEFAULT 'Running',
    "pause_reason" TEXT,
    "wave" INTEGER NOT NULL DEFAULT 1,
    "waves" INTEGER NOT NULL,
    "concurrency" INTEGER NOT NULL,
    "tolerated_percent" INTEGER NOT NULL,
    "soak_seconds" INTEGER NOT NULL,
    "even_if_manual" BOOLEAN NOT NULL DEFAULT false,
    "reason" TEXT NOT NULL,
    "ticket" TEXT NOT NULL,
    "actor_tenant_id" TEXT NOT NULL,
    "actor_id" TEXT NOT NULL,
    "correlation_id" TEXT NOT NULL,
    "maintenance_schedule_id" UUID,
    "look_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "rollouts_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "rollout_clusters" (
    "rollout_id" UUID NOT NULL,
    "cluster_id" UUID NOT NULL,
    "wave" INTEGER NOT NULL,
    "position" INTEGER NOT NULL,
    "state" "RolloutClusterState" NOT NULL DEFAULT 'Waiting',
    "operation_id" UUID,
    "message" TEXT,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "accepted" BOOLEAN NOT NULL DEFAULT false,
    "look_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "ended_at" TIMESTAMPTZ(3),

    CONSTRAINT "rollout_clusters_pkey" PRIMARY KEY ("rollout_id","cluster_id")
);

-- CreateTable
CREATE TABLE "freezes" (
    "id" UUID NOT NULL,
    "scope" "FreezeScope" NOT NULL,
    "value" TEXT,
    "until" TIMESTAMPTZ(3) NOT NULL,
    "reason" TEXT NOT NULL,
    "ticket" TEXT NOT NULL,
    "actor_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "lifted_at" TIMESTAMPTZ(3),

    CONSTRAINT "freezes_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "maintenance_schedules" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "task" TEXT NOT NULL,
    "selection" JSONB NOT NULL,
    "moment" JSONB NOT NULL,
    "every_weeks" INTEGER NOT NULL,
    "concurrency" INTEGER NOT NULL,
    "tolerated_percent" INTEGER NOT NULL,
    "soak_seconds" INTEGER NOT NULL,
    "reason" TEXT NOT NULL,
    "ticket" TEXT NOT NULL,
    "actor_tenant_id" TEXT NOT NULL,
    "actor_id" TEXT NOT NULL,
    "correlation_id" TEXT NOT NULL,
    "next_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ended_at" TIMESTAMPTZ(3),

    CONSTRAINT "maintenance_schedules_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "rollouts_state_look_at_idx" ON "rollouts"("state", "look_at");

-- CreateIndex
CREATE INDEX "rollout_clusters_rollout_id_wave_state_idx" ON "rollout_clusters"("rollout_id", "wave", "state");

-- CreateIndex
CREATE INDEX "rollout_clusters_cluster_id_idx" ON "rollout_clusters"("cluster_id");

-- CreateIndex
CREATE INDEX "freezes_until_idx" ON "freezes"("until");

-- CreateIndex
CREATE UNIQUE INDEX "maintenance_schedules_name_key" ON "maintenance_schedules"("name");

-- CreateIndex
CREATE INDEX "maintenance_schedules_ended_at_next_at_idx" ON "maintenance_schedules"("ended_at", "next_at");

-- AddForeignKey
ALTER TABLE "rollout_clusters" ADD CONSTRAINT "rollout_clusters_rollout_id_fkey" FOREIGN KEY ("rollout_id") REFERENCES "rollouts"("id") ON DELETE RESTRICT ON UPDATE CASCADE;


-- Prisma has no checks of its own.
ALTER TABLE "freezes" ADD CONSTRAINT "freezes_scope_has_its_value" CHECK (("scope" = 'All') = ("value" IS NULL));
ALTER TABLE "rollouts" ADD CONSTRAINT "rollouts_upgrade_has_a_version" CHECK (("task" = 'Upgrade') = ("consul_version" IS NOT NULL));
