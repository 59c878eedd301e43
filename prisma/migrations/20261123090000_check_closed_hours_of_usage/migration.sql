-- Closed hours are computed again every day, and what differs is kept for operators.
CREATE TABLE "usage_checks" (
  "hour" TIMESTAMPTZ(3) NOT NULL,
  "checked_at" TIMESTAMPTZ(3) NOT NULL,
  "differences" INTEGER NOT NULL,
  CONSTRAINT "usage_checks_pkey" PRIMARY KEY ("hour")
);
CREATE INDEX "usage_checks_differences_idx" ON "usage_checks"("differences");
