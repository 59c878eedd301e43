-- CreateTable
CREATE TABLE "azure_inventories" (
    "cluster_id" UUID NOT NULL,
    "seen_at" TIMESTAMPTZ(3) NOT NULL,
    "resources" JSONB NOT NULL,

    CONSTRAINT "azure_inventories_pkey" PRIMARY KEY ("cluster_id")
);
