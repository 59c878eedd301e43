ALTER TABLE "agent_enrolments" ADD COLUMN "revoked_at" TIMESTAMPTZ(3);
