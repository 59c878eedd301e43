-- AlterEnum
ALTER TYPE "OperationStepState" ADD VALUE 'Skipped';

-- AlterTable
ALTER TABLE "operation_steps" ADD COLUMN     "skippable" TEXT,
ADD COLUMN     "skipped_by" TEXT;
