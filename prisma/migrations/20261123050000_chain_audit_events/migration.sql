CREATE TYPE "ActorKind" AS ENUM ('Customer', 'Operator');

ALTER TABLE "audit_events"
  ADD COLUMN "actor_kind" "ActorKind" NOT NULL DEFAULT 'Customer',
  ADD COLUMN "ticket" TEXT,
  ADD COLUMN "before_hash" TEXT,
  ADD COLUMN "after_hash" TEXT;

CREATE TABLE "audit_links" (
  "chain" SMALLINT NOT NULL,
  "position" BIGINT NOT NULL,
  "event_id" BIGINT NOT NULL,
  "previous_hash" TEXT NOT NULL,
  "hash" TEXT NOT NULL,

  CONSTRAINT "audit_links_pkey" PRIMARY KEY ("chain", "position"),
  CONSTRAINT "audit_links_event_id_fkey" FOREIGN KEY ("event_id") REFERENCES "audit_events"("id") ON DELETE RESTRICT ON UPDATE RESTRICT
);
CREATE UNIQUE INDEX "audit_links_event_id_key" ON "audit_links"("event_id");

CREATE TABLE "audit_heads" (
  "chain" SMALLINT NOT NULL,
  "position" BIGINT NOT NULL,
  "hash" TEXT NOT NULL,

  CONSTRAINT "audit_heads_pkey" PRIMARY KEY ("chain")
);

-- Sixteen chains, chosen by connection: with one alone, every audited write would wait for the commit of another.
INSERT INTO "audit_heads" SELECT number, 0, repeat('0', 64) FROM generate_series(0, 15) AS number;

CREATE FUNCTION link_audit_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  head audit_heads;
  made text;
BEGIN
  SELECT * INTO head FROM audit_heads WHERE chain = pg_backend_pid() % 16 FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'The head of audit chain % is missing.', pg_backend_pid() % 16;
  END IF;
  head.position := head.position + 1;
  made := encode(sha256(convert_to(jsonb_build_array(
    head.chain::text, head.position::text, head.hash, NEW.id::text, extract(epoch FROM NEW.at)::text, NEW.actor_kind::text,
    NEW.actor_tenant_id, NEW.actor_id, NEW.action, NEW.installation_id::text, NEW.cluster_id::text, NEW.operation_id::text,
    NEW.reason, NEW.ticket, NEW.detail::text, NEW.before_hash, NEW.after_hash, NEW.correlation_id)::text, 'UTF8')), 'hex');
  INSERT INTO audit_links (chain, position, event_id, previous_hash, hash)
    VALUES (head.chain, head.position, NEW.id, head.hash, made);
  UPDATE audit_heads SET position = head.position, hash = made WHERE chain = head.chain;
  RETURN NULL;
END $$;

-- At the commit and not before: the head is then the last lock that a transaction takes, so no two wait for each other.
CREATE CONSTRAINT TRIGGER link_audit_event AFTER INSERT ON "audit_events"
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION link_audit_event();

-- Events from before there were chains are bound now, one after the other.
DO $$
DECLARE
  event audit_events;
  head audit_heads;
  made text;
BEGIN
  FOR event IN SELECT * FROM audit_events ORDER BY id LOOP
    SELECT * INTO head FROM audit_heads WHERE chain = 0;
    made := encode(sha256(convert_to(jsonb_build_array(
      head.chain::text, (head.position + 1)::text, head.hash, event.id::text, extract(epoch FROM event.at)::text, event.actor_kind::text,
      event.actor_tenant_id, event.actor_id, event.action, event.installation_id::text, event.cluster_id::text, event.operation_id::text,
      event.reason, event.ticket, event.detail::text, event.before_hash, event.after_hash, event.correlation_id)::text, 'UTF8')), 'hex');
    INSERT INTO audit_links VALUES (0, head.position + 1, event.id, head.hash, made);
    UPDATE audit_heads SET position = head.position + 1, hash = made WHERE chain = 0;
  END LOOP;
END $$;

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'Audit rows are never changed and never removed.';
END $$;
CREATE TRIGGER keep_audit_events BEFORE UPDATE OR DELETE OR TRUNCATE ON "audit_events"
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER keep_audit_links BEFORE UPDATE OR DELETE OR TRUNCATE ON "audit_links"
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER keep_audit_heads BEFORE DELETE OR TRUNCATE ON "audit_heads"
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
