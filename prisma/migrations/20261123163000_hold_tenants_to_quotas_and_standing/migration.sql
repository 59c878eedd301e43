-- CreateEnum
CREATE TYPE "SuspensionCategory" AS ENUM ('NonPayment', 'Abuse', 'Security', 'Legal');

-- CreateTable
CREATE TABLE "tenants" (
    "tenant_id" TEXT NOT NULL,
    "max_clusters" INTEGER,
    "max_servers" INTEGER,
    "suspended_at" TIMESTAMPTZ(3),
    "suspension_category" "SuspensionCategory",
    "suspension_contact" TEXT,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "tenants_pkey" PRIMARY KEY ("tenant_id")
);

-- CreateTable
CREATE TABLE "denied_tenants" (
    "tenant_id" TEXT NOT NULL,
    "contact" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "ticket" TEXT NOT NULL,
    "actor_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "denied_tenants_pkey" PRIMARY KEY ("tenant_id")
);

-- CreateIndex
CREATE INDEX "audit_events_installation_id_id_idx" ON "audit_events"("installation_id", "id");

-- Prisma has no checks, views, functions and triggers of its own, and no indexes over expressions.
ALTER TABLE "tenants" ADD CONSTRAINT "tenants_id_is_in_lower_case" CHECK ("tenant_id" = lower("tenant_id"));
ALTER TABLE "denied_tenants" ADD CONSTRAINT "denied_tenants_id_is_in_lower_case" CHECK ("tenant_id" = lower("tenant_id"));
ALTER TABLE "tenants" ADD CONSTRAINT "tenants_quota_is_no_debt" CHECK ("max_clusters" >= 0 AND "max_servers" >= 0);
ALTER TABLE "tenants" ADD CONSTRAINT "tenants_suspension_says_why_and_whom_to_ask"
  CHECK (num_nulls("suspended_at", "suspension_category", "suspension_contact") IN (0, 3));

CREATE INDEX "installations_lower_tenant_id_idx" ON "installations" (lower("tenant_id"));

-- Who is refused something, and whom to ask; without a category it may only register and create nothing.
CREATE VIEW "barred_tenants" AS
  SELECT "tenant_id", "suspension_category"::text AS "category", "suspension_contact" AS "contact"
    FROM "tenants" WHERE "suspended_at" IS NOT NULL
  UNION ALL
  SELECT "tenant_id", NULL, "contact" FROM "denied_tenants";

-- What counts against the quota of a tenant. A cluster that is being scaled up counts as it will be.
CREATE FUNCTION "tenant_usage"("tenant" TEXT) RETURNS TABLE ("clusters" INTEGER, "servers" INTEGER) LANGUAGE sql STABLE AS $$
  SELECT count(*)::int, coalesce(sum(greatest(c.servers, o.wanted)), 0)::int
  FROM installations i
  JOIN clusters c ON c.installation_id = i.id AND c.deleted_at IS NULL
  LEFT JOIN LATERAL (
    SELECT max((s.input ->> 'servers')::int) AS wanted FROM operations s
    WHERE s.subject = 'cluster/' || c.id AND s.kind = 'scale-cluster' AND s.state IN ('Pending', 'Running')
  ) o ON true
  WHERE lower(i.tenant_id) = tenant
$$;

-- Whoever takes a place locks the tenant first, so that two cannot take the last one.
CREATE FUNCTION "refuse_cluster_beyond_quota"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  quota tenants%ROWTYPE;
  used RECORD;
BEGIN
  SELECT t.* INTO quota FROM tenants t JOIN installations i ON lower(i.tenant_id) = t.tenant_id
    WHERE i.id = NEW.installation_id AND (t.max_clusters IS NOT NULL OR t.max_servers IS NOT NULL) FOR UPDATE OF t;
  IF NOT FOUND THEN
    RETURN NEW;
  END IF;
  SELECT * INTO used FROM tenant_usage(quota.tenant_id);
  IF used.clusters + 1 > quota.max_clusters OR used.servers + NEW.servers > quota.max_servers THEN
    RAISE EXCEPTION 'The tenant has no place for the cluster left' USING ERRCODE = 'check_violation', CONSTRAINT = 'tenants_quota';
  END IF;
  RETURN NEW;
END
$$;

CREATE TRIGGER "clusters_within_quota" BEFORE INSERT ON "clusters"
  FOR EACH ROW EXECUTE FUNCTION "refuse_cluster_beyond_quota"();
