-- AlterTable
ALTER TABLE "operation_steps" ADD COLUMN "last_problem" TEXT;
