-- When to look next, apart from since when something is due: what is tried again stays due since the first time. The default is
-- for processes of the version before, which do not know the column.
ALTER TABLE "cluster_schedules" ADD COLUMN "look_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP;
UPDATE "cluster_schedules" SET "look_at" = "due_at";

-- CreateIndex
CREATE INDEX "cluster_schedules_kind_look_at_idx" ON "cluster_schedules" ("kind", "look_at");
