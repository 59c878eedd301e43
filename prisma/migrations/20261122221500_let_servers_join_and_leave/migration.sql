CREATE TYPE "ServerMembership" AS ENUM ('Joining', 'Member', 'Leaving');

ALTER TABLE "servers"
  ADD COLUMN "membership" "ServerMembership" NOT NULL DEFAULT 'Member',
  ADD COLUMN "vm_size" TEXT;

UPDATE "servers" SET "vm_size" = "clusters"."vm_size" FROM "clusters" WHERE "clusters"."id" = "servers"."cluster_id";
