-- What the last look of an hour saw holds on while nobody can count.
ALTER TABLE "service_instance_peaks" ADD COLUMN "last" INTEGER, ADD COLUMN "is_carried" BOOLEAN NOT NULL DEFAULT false;
UPDATE "service_instance_peaks" SET "last" = "instances";
ALTER TABLE "service_instance_peaks" ALTER COLUMN "last" SET NOT NULL;
