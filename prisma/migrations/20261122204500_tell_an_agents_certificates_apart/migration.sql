ALTER TABLE "agent_enrolments" ADD COLUMN "previous_certificate_serial" TEXT;
