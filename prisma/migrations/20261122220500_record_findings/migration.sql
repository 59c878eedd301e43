CREATE TABLE "cluster_findings" (
  "cluster_id" UUID NOT NULL,
  "source" TEXT NOT NULL,
  "reason" TEXT NOT NULL,
  "about" TEXT NOT NULL DEFAULT '',
  "message" TEXT NOT NULL,
  "looks" INTEGER NOT NULL DEFAULT 1,
  "first_seen_at" TIMESTAMPTZ(3) NOT NULL,
  "last_seen_at" TIMESTAMPTZ(3) NOT NULL,

  CONSTRAINT "cluster_findings_pkey" PRIMARY KEY ("cluster_id", "source", "reason", "about")
);
