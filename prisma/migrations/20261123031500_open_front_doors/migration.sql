-- Hash of the secret that Azure's custom provider of an installation sends requests with; null where there is none.
ALTER TABLE "installations" ADD COLUMN "front_door_secret_hash" TEXT;

-- CreateIndex
CREATE UNIQUE INDEX "installations_front_door_secret_hash_key" ON "installations" ("front_door_secret_hash");
