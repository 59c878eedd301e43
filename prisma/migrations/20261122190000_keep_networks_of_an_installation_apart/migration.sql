-- Two creates that run at once must not get overlapping address ranges: the database refuses the second.
CREATE EXTENSION IF NOT EXISTS btree_gist;

ALTER TABLE "clusters" ADD CONSTRAINT "clusters_networks_apart"
  EXCLUDE USING gist ("installation_id" WITH =, ("network_cidr"::inet) inet_ops WITH &&) WHERE ("deleted_at" IS NULL);
