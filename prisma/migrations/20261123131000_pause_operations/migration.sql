-- CreateEnum
CREATE TYPE "PauseScope" AS ENUM ('All', 'Region', 'Kind', 'Cluster');

-- CreateTable
CREATE TABLE "pauses" (
    "id" UUID NOT NULL,
    "scope" "PauseScope" NOT NULL,
    "value" TEXT,
    "until" TIMESTAMPTZ(3) NOT NULL,
    "reason" TEXT NOT NULL,
    "ticket" TEXT NOT NULL,
    "actor_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "lifted_at" TIMESTAMPTZ(3),

    CONSTRAINT "pauses_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "pauses_until_idx" ON "pauses"("until");

-- Prisma has no checks of its own.
ALTER TABLE "pauses" ADD CONSTRAINT "pauses_scope_has_its_value" CHECK (("scope" = 'All') = ("value" IS NULL));

-- Until when an operation is paused; null when it may be carried on. The engine asks before it takes an operation up.
CREATE FUNCTION "operation_paused_until"("operation" "operations", "now" TIMESTAMPTZ) RETURNS TIMESTAMPTZ LANGUAGE sql STABLE AS $$
  SELECT max("pause"."until") FROM "pauses" "pause"
  WHERE "pause"."until" > "now" AND "pause"."lifted_at" IS NULL AND (
    "pause"."scope" = 'All'
    OR ("pause"."scope" = 'Kind' AND "pause"."value" = "operation"."kind")
    OR ("pause"."scope" = 'Cluster' AND "pause"."value" = "operation"."cluster_id"::text)
    OR ("pause"."scope" = 'Region' AND "pause"."value" = coalesce(
      (SELECT "region" FROM "clusters" WHERE "id" = "operation"."cluster_id"),
      (SELECT "region" FROM "installations" WHERE "id" = "operation"."installation_id")))
  )
$$;
