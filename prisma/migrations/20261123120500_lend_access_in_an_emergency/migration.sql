-- CreateEnum
CREATE TYPE "BreakGlassRole" AS ENUM ('Diagnostics', 'Repair');

-- CreateEnum
CREATE TYPE "BreakGlassState" AS ENUM ('Requested', 'Approved', 'Open', 'Closed', 'Withdrawn', 'Lapsed');

-- CreateTable
CREATE TABLE "break_glass_accesses" (
    "id" UUID NOT NULL,
    "cluster_id" UUID NOT NULL,
    "role" "BreakGlassRole" NOT NULL,
    "minutes" INTEGER NOT NULL,
    "state" "BreakGlassState" NOT NULL DEFAULT 'Requested',
    "public_key" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "ticket" TEXT NOT NULL,
    "requested_by" TEXT NOT NULL,
    "requested_at" TIMESTAMPTZ(3) NOT NULL,
    "approve_before" TIMESTAMPTZ(3) NOT NULL,
    "approved_by" TEXT,
    "approved_at" TIMESTAMPTZ(3),
    "ends_at" TIMESTAMPTZ(3),
    "accessor_id" UUID,
    "sealed_token" TEXT,
    "closed_at" TIMESTAMPTZ(3),

    CONSTRAINT "break_glass_accesses_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "break_glass_accesses_cluster_id_requested_at_idx" ON "break_glass_accesses"("cluster_id", "requested_at");

-- CreateIndex
CREATE INDEX "break_glass_accesses_state_ends_at_idx" ON "break_glass_accesses"("state", "ends_at");

-- Prisma has no checks of its own.
ALTER TABLE "break_glass_accesses" ADD CONSTRAINT "break_glass_accesses_has_a_second_person" CHECK ("approved_by" IS NULL OR "approved_by" <> "requested_by");
ALTER TABLE "break_glass_accesses" ADD CONSTRAINT "break_glass_accesses_is_approved_before_it_is_open"
  CHECK ("state" IN ('Requested', 'Withdrawn', 'Lapsed') OR ("approved_by" IS NOT NULL AND "ends_at" IS NOT NULL AND "accessor_id" IS NOT NULL));
