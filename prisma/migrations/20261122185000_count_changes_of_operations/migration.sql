-- Readers that wait for a change compare the revision, and the runner's retry budget counts failures in a row.
ALTER TABLE "operations" ADD COLUMN "revision" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "operation_steps" ADD COLUMN "failures" INTEGER NOT NULL DEFAULT 0;

-- Finding the operations that a person must be paged about costs what is overdue, not what exists.
CREATE INDEX "operations_to_page" ON "operations" ("page_at") WHERE "paged_at" IS NULL AND "state" IN ('Pending', 'Running');
