-- The Marketplace knows one price for each dimension: a tier is a dimension of its own. The same split as `costOf` of the usage
-- library makes, in the small units of the ledger: progressive tiers, at least the minimum, and nothing for what is included.
CREATE FUNCTION "usage_dimensions"("price" UUID, "used_meter" TEXT, "seconds" NUMERIC, "quantity" NUMERIC)
RETURNS TABLE ("dimension" TEXT, "amount" NUMERIC) LANGUAGE sql STABLE AS $$
  WITH "priced" AS (
    SELECT "one" FROM "plan_prices", jsonb_array_elements("dimensions") AS "one"
    WHERE "id" = "price"
      AND ("used_meter" = "one" ->> 'meter' OR ("used_meter" LIKE 'cluster/%' AND starts_with("used_meter", ("one" ->> 'meter') || '/')))
    ORDER BY length("one" ->> 'meter') DESC LIMIT 1
  ), "spanned" AS (
    SELECT "one", "seconds" * CASE "used_meter" WHEN 'snapshot-storage' THEN 1073741824 ELSE 1 END AS "span" FROM "priced"
  ), "tiered" AS (
    SELECT ("one" ->> 'name') || CASE WHEN jsonb_array_length("one" -> 'tiers') > 1 THEN '_' || "number" ELSE '' END AS "name",
      greatest("quantity", coalesce(("one" ->> 'minimum')::numeric, 0) * "span") AS "billed",
      coalesce(("one" ->> 'included')::numeric, 0) * "span" AS "free",
      lag(("tier" ->> 'upTo')::numeric, 1, 0) OVER (ORDER BY "number") * "span" AS "from",
      ("tier" ->> 'upTo')::numeric * "span" AS "up_to"
    FROM "spanned", jsonb_array_elements("one" -> 'tiers') WITH ORDINALITY AS "tiers"("tier", "number")
  )
  SELECT "name", least("billed", coalesce("up_to", "billed")) - greatest("from", "free") FROM "tiered"
  WHERE least("billed", coalesce("up_to", "billed")) > greatest("from", "free")
$$;

-- What a row of the ledger changes in each dimension: what all rows of its key up to it come to, less what those before it do. So a
-- credit takes away from the highest tier, and a correction adds to it. A meter that its plan does not price is not billed; of a plan
-- without prices the meters themselves are the dimensions.
CREATE FUNCTION "usage_parts"("record" "usage_records")
RETURNS TABLE ("dimension" TEXT, "amount" NUMERIC) LANGUAGE sql STABLE AS $$
  WITH "before" AS (
    SELECT coalesce(sum("earlier"."seconds"), 0)::numeric AS "seconds", coalesce(sum("earlier"."quantity"), 0) AS "quantity"
    FROM "usage_records" "earlier"
    WHERE "earlier"."cluster_id" = "record"."cluster_id" AND "earlier"."hour" = "record"."hour" AND "earlier"."meter" = "record"."meter"
      AND "earlier"."plan_id" = "record"."plan_id" AND "earlier"."price_id" = "record"."price_id" AND "earlier"."id" < "record"."id"
  ), "changed" AS (
    SELECT "now"."dimension", "now"."amount" FROM "before",
      "usage_dimensions"("record"."price_id", "record"."meter", "before"."seconds" + "record"."seconds", "before"."quantity" + "record"."quantity") "now"
    UNION ALL
    SELECT "then"."dimension", -"then"."amount" FROM "before",
      "usage_dimensions"("record"."price_id", "record"."meter", "before"."seconds", "before"."quantity") "then"
  )
  SELECT "dimension", sum("amount") FROM "changed" GROUP BY "dimension" HAVING sum("amount") <> 0
  UNION ALL
  SELECT trim(BOTH '-' FROM lower(regexp_replace("record"."meter", '[^A-Za-z0-9]+', '-', 'g'))), "record"."quantity"
  WHERE "record"."price_id" IS NULL AND "record"."quantity" <> 0
$$;

-- A row may be told in several dimensions. Rows that wait to be told are split now; what was told under the old names stays so.
ALTER TABLE "usage_emission_sources" DROP CONSTRAINT "usage_emission_sources_pkey";
ALTER TABLE "usage_emission_sources" ADD COLUMN "dimension" TEXT;
UPDATE "usage_emission_sources" "source" SET "dimension" = "emission"."dimension"
  FROM "usage_emissions" "emission" WHERE "emission"."id" = "source"."emission_id";
INSERT INTO "usage_emission_sources" ("record_id", "dimension")
  SELECT "source"."record_id", "part"."dimension" FROM "usage_emission_sources" "source"
  JOIN "usage_records" "record" ON "record"."id" = "source"."record_id" CROSS JOIN LATERAL "usage_parts"("record") "part"
  WHERE "source"."dimension" IS NULL;
DELETE FROM "usage_emission_sources" WHERE "dimension" IS NULL;
ALTER TABLE "usage_emission_sources" ALTER COLUMN "dimension" SET NOT NULL;
ALTER TABLE "usage_emission_sources" ADD CONSTRAINT "usage_emission_sources_pkey" PRIMARY KEY ("record_id", "dimension");
