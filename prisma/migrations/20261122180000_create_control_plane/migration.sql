-- CreateEnum
CREATE TYPE "InstallationKind" AS ENUM ('ManagedApplication', 'Direct');

-- CreateEnum
CREATE TYPE "InstallationState" AS ENUM ('Registering', 'Ready', 'Failed', 'Deleting', 'Deleted');

-- CreateEnum
CREATE TYPE "AccessRole" AS ENUM ('Reader', 'Contributor', 'Owner');

-- CreateEnum
CREATE TYPE "ConsulVersionStatus" AS ENUM ('AVAILABLE', 'RECOMMENDED', 'PREVIEW', 'BLOCKED');

-- CreateEnum
CREATE TYPE "ProvisioningState" AS ENUM ('Accepted', 'Creating', 'Updating', 'Deleting', 'Succeeded', 'Failed', 'Canceled', 'Deleted');

-- CreateEnum
CREATE TYPE "EndpointVisibility" AS ENUM ('Private', 'Public');

-- CreateEnum
CREATE TYPE "UpgradePolicy" AS ENUM ('Manual', 'Automatic');

-- CreateEnum
CREATE TYPE "RootTokenState" AS ENUM ('Pending', 'Active', 'Revoked');

-- CreateEnum
CREATE TYPE "OperationLane" AS ENUM ('Change', 'Delete');

-- CreateEnum
CREATE TYPE "OperationState" AS ENUM ('Pending', 'Running', 'Succeeded', 'Failed', 'Canceled');

-- CreateEnum
CREATE TYPE "OperationStepState" AS ENUM ('Running', 'Waiting', 'Succeeded', 'Failed');

-- CreateTable
CREATE TABLE "installations" (
    "id" UUID NOT NULL,
    "kind" "InstallationKind" NOT NULL,
    "state" "InstallationState" NOT NULL DEFAULT 'Registering',
    "tenant_id" TEXT NOT NULL,
    "subscription_id" TEXT NOT NULL,
    "resource_group" TEXT NOT NULL,
    "region" TEXT NOT NULL,
    "application_id" TEXT,
    "application_definition_id" TEXT,
    "plan_id" TEXT NOT NULL,
    "billing_resource_usage_id" TEXT,
    "failure_message" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "installations_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "role_assignments" (
    "id" UUID NOT NULL,
    "installation_id" UUID NOT NULL,
    "tenant_id" TEXT NOT NULL,
    "principal_id" TEXT NOT NULL,
    "role" "AccessRole" NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "role_assignments_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "audit_events" (
    "id" BIGSERIAL NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "actor_tenant_id" TEXT,
    "actor_id" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "installation_id" UUID,
    "cluster_id" UUID,
    "operation_id" UUID,
    "reason" TEXT,
    "detail" JSONB NOT NULL DEFAULT '{}',
    "correlation_id" TEXT,

    CONSTRAINT "audit_events_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "idempotency_keys" (
    "tenant_id" TEXT NOT NULL,
    "principal_id" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "request_hash" TEXT NOT NULL,
    "response_status" INTEGER NOT NULL,
    "response_body" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY ("tenant_id","principal_id","key")
);

-- CreateTable
CREATE TABLE "notifications" (
    "id" UUID NOT NULL,
    "application_id" TEXT NOT NULL,
    "event_type" TEXT NOT NULL,
    "provisioning_state" TEXT NOT NULL,
    "event_time" TIMESTAMPTZ(3) NOT NULL,
    "body" JSONB NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "operation_id" UUID,

    CONSTRAINT "notifications_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "consul_versions" (
    "version" TEXT NOT NULL,
    "status" "ConsulVersionStatus" NOT NULL,
    "licence" TEXT NOT NULL,
    "blocked_reason" TEXT,

    CONSTRAINT "consul_versions_pkey" PRIMARY KEY ("version")
);

-- CreateTable
CREATE TABLE "consul_artifacts" (
    "version" TEXT NOT NULL,
    "platform" TEXT NOT NULL,
    "sha256" TEXT NOT NULL,
    "size_bytes" INTEGER NOT NULL,

    CONSTRAINT "consul_artifacts_pkey" PRIMARY KEY ("version","platform")
);

-- CreateTable
CREATE TABLE "regions" (
    "name" TEXT NOT NULL,
    "display_name" TEXT NOT NULL,
    "geography" TEXT NOT NULL,
    "availability_zones" BOOLEAN NOT NULL,
    "open" BOOLEAN NOT NULL DEFAULT true,

    CONSTRAINT "regions_pkey" PRIMARY KEY ("name")
);

-- CreateTable
CREATE TABLE "plans" (
    "id" TEXT NOT NULL,
    "display_name" TEXT NOT NULL,
    "description" TEXT NOT NULL,
    "currency" TEXT NOT NULL DEFAULT 'USD',
    "hourly_micros" JSONB NOT NULL,
    "open" BOOLEAN NOT NULL DEFAULT true,

    CONSTRAINT "plans_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "clusters" (
    "id" UUID NOT NULL,
    "installation_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "provisioning_state" "ProvisioningState" NOT NULL DEFAULT 'Accepted',
    "revision" INTEGER NOT NULL DEFAULT 1,
    "datacenter" TEXT NOT NULL,
    "region" TEXT NOT NULL,
    "consul_version" TEXT NOT NULL,
    "servers" INTEGER NOT NULL,
    "vm_size" TEXT NOT NULL,
    "network_cidr" TEXT NOT NULL,
    "endpoint_visibility" "EndpointVisibility" NOT NULL DEFAULT 'Private',
    "snapshot_interval_seconds" INTEGER NOT NULL DEFAULT 86400,
    "snapshot_retention_seconds" INTEGER NOT NULL DEFAULT 2592000,
    "upgrade_policy" "UpgradePolicy" NOT NULL DEFAULT 'Manual',
    "maintenance_window" JSONB,
    "email" TEXT NOT NULL,
    "tags" JSONB NOT NULL DEFAULT '{}',
    "plan_id" TEXT NOT NULL,
    "observed_consul_version" TEXT,
    "identity_resource_id" TEXT,
    "private_endpoint_url" TEXT,
    "public_endpoint_url" TEXT,
    "storage_account_name" TEXT,
    "conditions" JSONB NOT NULL DEFAULT '[]',
    "failure_code" TEXT,
    "failure_message" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),

    CONSTRAINT "clusters_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "servers" (
    "id" UUID NOT NULL,
    "cluster_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "azure_name" TEXT NOT NULL,
    "instance_id" TEXT NOT NULL,
    "vm_id" TEXT NOT NULL,
    "address" TEXT NOT NULL,
    "consul_version" TEXT,
    "applied_hash" TEXT,
    "agent_seen_at" TIMESTAMPTZ(3),
    "agent_token_accessor_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "servers_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "root_tokens" (
    "accessor_id" UUID NOT NULL,
    "cluster_id" UUID NOT NULL,
    "state" "RootTokenState" NOT NULL DEFAULT 'Pending',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "root_tokens_pkey" PRIMARY KEY ("accessor_id")
);

-- CreateTable
CREATE TABLE "agent_enrolments" (
    "cluster_id" UUID NOT NULL,
    "vm_id" TEXT NOT NULL,
    "certificate_serial" TEXT NOT NULL,
    "certificate_not_after" TIMESTAMPTZ(3) NOT NULL,
    "agent_version" TEXT NOT NULL,
    "address" TEXT NOT NULL,
    "enrolled_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "renewed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "agent_enrolments_pkey" PRIMARY KEY ("cluster_id","vm_id")
);

-- CreateTable
CREATE TABLE "operations" (
    "id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "cluster_id" UUID,
    "installation_id" UUID,
    "lane" "OperationLane" NOT NULL DEFAULT 'Change',
    "state" "OperationState" NOT NULL DEFAULT 'Pending',
    "input" JSONB NOT NULL DEFAULT '{}',
    "requested_by" TEXT NOT NULL,
    "current_step" TEXT,
    "waiting_for" TEXT,
    "wake_at" TIMESTAMPTZ(3) DEFAULT CURRENT_TIMESTAMP,
    "wake_number" INTEGER NOT NULL DEFAULT 0,
    "lease_owner" TEXT,
    "lease_until" TIMESTAMPTZ(3),
    "cancel_requested_at" TIMESTAMPTZ(3),
    "page_at" TIMESTAMPTZ(3),
    "paged_at" TIMESTAMPTZ(3),
    "error_code" TEXT,
    "error_message" TEXT,
    "error_step" TEXT,
    "correlation_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "operations_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "operation_steps" (
    "operation_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "item" TEXT NOT NULL DEFAULT '',
    "position" INTEGER NOT NULL,
    "state" "OperationStepState" NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "waiting_for" TEXT,
    "output" JSONB,
    "error_code" TEXT,
    "error_message" TEXT,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "operation_steps_pkey" PRIMARY KEY ("operation_id","name","item")
);

-- CreateTable
CREATE TABLE "cluster_events" (
    "id" BIGSERIAL NOT NULL,
    "cluster_id" UUID NOT NULL,
    "operation_id" UUID,
    "type" TEXT NOT NULL,
    "message" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "cluster_events_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "data_keys" (
    "owner" TEXT NOT NULL,
    "wrapped_key" BYTEA NOT NULL,
    "key_version" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "data_keys_pkey" PRIMARY KEY ("owner")
);

-- CreateTable
CREATE TABLE "secrets" (
    "owner" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "ciphertext" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "secrets_pkey" PRIMARY KEY ("owner","purpose")
);

-- CreateTable
CREATE TABLE "certificates" (
    "id" UUID NOT NULL,
    "owner" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "serial" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "not_before" TIMESTAMPTZ(3) NOT NULL,
    "not_after" TIMESTAMPTZ(3) NOT NULL,
    "pem" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "certificates_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "installations_application_id_key" ON "installations"("application_id");

-- CreateIndex
CREATE INDEX "installations_tenant_id_idx" ON "installations"("tenant_id");

-- CreateIndex
CREATE UNIQUE INDEX "installations_subscription_id_resource_group_key" ON "installations"("subscription_id", "resource_group");

-- CreateIndex
CREATE INDEX "role_assignments_tenant_id_principal_id_idx" ON "role_assignments"("tenant_id", "principal_id");

-- CreateIndex
CREATE UNIQUE INDEX "role_assignments_installation_id_tenant_id_principal_id_key" ON "role_assignments"("installation_id", "tenant_id", "principal_id");

-- CreateIndex
CREATE INDEX "audit_events_cluster_id_id_idx" ON "audit_events"("cluster_id", "id");

-- CreateIndex
CREATE INDEX "idempotency_keys_created_at_idx" ON "idempotency_keys"("created_at");

-- CreateIndex
CREATE UNIQUE INDEX "notifications_application_id_event_type_provisioning_state__key" ON "notifications"("application_id", "event_type", "provisioning_state", "event_time");

-- CreateIndex
CREATE UNIQUE INDEX "clusters_identity_resource_id_key" ON "clusters"("identity_resource_id");

-- CreateIndex
CREATE INDEX "clusters_installation_id_created_at_id_idx" ON "clusters"("installation_id", "created_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "servers_cluster_id_vm_id_key" ON "servers"("cluster_id", "vm_id");

-- CreateIndex
CREATE UNIQUE INDEX "servers_cluster_id_name_key" ON "servers"("cluster_id", "name");

-- CreateIndex
CREATE INDEX "root_tokens_cluster_id_idx" ON "root_tokens"("cluster_id");

-- CreateIndex
CREATE INDEX "operations_wake_at_idx" ON "operations"("wake_at");

-- CreateIndex
CREATE INDEX "operations_cluster_id_created_at_idx" ON "operations"("cluster_id", "created_at");

-- CreateIndex
CREATE INDEX "operations_installation_id_created_at_idx" ON "operations"("installation_id", "created_at");

-- CreateIndex
CREATE INDEX "cluster_events_cluster_id_id_idx" ON "cluster_events"("cluster_id", "id");

-- CreateIndex
CREATE INDEX "certificates_owner_purpose_idx" ON "certificates"("owner", "purpose");

-- CreateIndex
CREATE UNIQUE INDEX "certificates_owner_serial_key" ON "certificates"("owner", "serial");

-- AddForeignKey
ALTER TABLE "role_assignments" ADD CONSTRAINT "role_assignments_installation_id_fkey" FOREIGN KEY ("installation_id") REFERENCES "installations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "consul_artifacts" ADD CONSTRAINT "consul_artifacts_version_fkey" FOREIGN KEY ("version") REFERENCES "consul_versions"("version") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "clusters" ADD CONSTRAINT "clusters_installation_id_fkey" FOREIGN KEY ("installation_id") REFERENCES "installations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "servers" ADD CONSTRAINT "servers_cluster_id_fkey" FOREIGN KEY ("cluster_id") REFERENCES "clusters"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "operation_steps" ADD CONSTRAINT "operation_steps_operation_id_fkey" FOREIGN KEY ("operation_id") REFERENCES "operations"("id") ON DELETE CASCADE ON UPDATE CASCADE;


-- What Prisma's schema language cannot say: the database, not code, refuses a second change to one thing.

-- One unfinished operation per subject and lane.
CREATE UNIQUE INDEX "operations_one_unfinished_per_lane" ON "operations" ("subject", "lane") WHERE "state" IN ('Pending', 'Running');

-- One running operation per subject, whatever the lane.
CREATE UNIQUE INDEX "operations_one_running_per_subject" ON "operations" ("subject") WHERE "state" = 'Running';

-- One living cluster of a name per installation, whatever the case.
CREATE UNIQUE INDEX "clusters_one_living_name" ON "clusters" ("installation_id", lower("name")) WHERE "deleted_at" IS NULL;

-- One active root token per cluster.
CREATE UNIQUE INDEX "root_tokens_one_active" ON "root_tokens" ("cluster_id") WHERE "state" = 'Active';
