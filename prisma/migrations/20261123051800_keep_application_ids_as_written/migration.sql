-- The id of a managed application in Azure's own spelling; null until its next registration.
ALTER TABLE "installations" ADD COLUMN "application_id_as_written" TEXT;
