-- CreateEnum
CREATE TYPE "UsageCreditState" AS ENUM ('Requested', 'Approved', 'Refused', 'Withdrawn');

-- CreateTable
CREATE TABLE "usage_credits" (
    "id" UUID NOT NULL,
    "cluster_id" UUID NOT NULL,
    "installation_id" UUID NOT NULL,
    "starts_at" TIMESTAMPTZ(3) NOT NULL,
    "hours" INTEGER NOT NULL,
    "seconds_of_each" INTEGER NOT NULL,
    "amount" DECIMAL(18,6) NOT NULL,
    "currency" TEXT NOT NULL,
    "state" "UsageCreditState" NOT NULL DEFAULT 'Requested',
    "reason" TEXT NOT NULL,
    "ticket" TEXT NOT NULL,
    "requested_by" TEXT NOT NULL,
    "requested_at" TIMESTAMPTZ(3) NOT NULL,
    "decided_by" TEXT,
    "decided_at" TIMESTAMPTZ(3),

    CONSTRAINT "usage_credits_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "usage_credits_state_requested_at_idx" ON "usage_credits"("state", "requested_at");

-- Prisma has no checks of its own.
ALTER TABLE "usage_credits" ADD CONSTRAINT "usage_credits_says_who_decided"
  CHECK (("state" = 'Requested') = ("decided_by" IS NULL) AND ("decided_by" IS NULL) = ("decided_at" IS NULL));
ALTER TABLE "usage_credits" ADD CONSTRAINT "usage_credits_has_a_second_person"
  CHECK ("state" <> 'Approved' OR "decided_by" <> "requested_by");
