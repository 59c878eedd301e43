ALTER TABLE "servers" ADD COLUMN "wan_open" BOOLEAN NOT NULL DEFAULT false;

CREATE TABLE "federation_members" (
  "cluster_id" UUID NOT NULL,
  "primary_cluster_id" UUID NOT NULL,
  "datacenter" TEXT NOT NULL,
  "opened_at" TIMESTAMPTZ(3),
  "joined_at" TIMESTAMPTZ(3),
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

  CONSTRAINT "federation_members_pkey" PRIMARY KEY ("cluster_id"),
  CONSTRAINT "federation_members_cluster_id_fkey" FOREIGN KEY ("cluster_id") REFERENCES "clusters"("id") ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT "federation_members_primary_cluster_id_fkey" FOREIGN KEY ("primary_cluster_id") REFERENCES "clusters"("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

CREATE UNIQUE INDEX "federation_members_primary_cluster_id_datacenter_key" ON "federation_members"("primary_cluster_id", "datacenter");
