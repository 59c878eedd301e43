/**
 * What the clusters of the installations `$3` (null: of all) used in the hour from `$1` to `$2`, computed from recorded periods, peaks and snapshots: `cluster_id,
 * installation_id, meter, plan_id, price_id, seconds, quantity`, one row for each key of a measured row. The first price of a
 * plan holds before its own beginning too, so that no time is without one. A cluster whose services were not counted in the hour
 * has no row for them.
 */
export const MEASURE = `
  WITH price AS (
    SELECT id, plan_id, CASE WHEN row_number() OVER plans = 1 THEN '-infinity' ELSE valid_from END AS starts_at,
      coalesce(lead(valid_from) OVER plans, 'infinity') AS ends_at
    FROM plan_prices WINDOW plans AS (PARTITION BY plan_id ORDER BY valid_from)
  ), part AS (
    SELECT period.cluster_id, period.installation_id, period.plan_id, price.id AS price_id, charged, servers, vm_size,
      greatest(period.starts_at, price.starts_at, $1::timestamptz) AS starts_at,
      least(period.ends_at, price.ends_at, $2::timestamptz) AS ends_at
    FROM usage_periods period LEFT JOIN price
      ON price.plan_id = period.plan_id AND price.starts_at < $2::timestamptz AND price.ends_at > $1::timestamptz
    WHERE period.starts_at < $2::timestamptz AND (period.ends_at IS NULL OR period.ends_at > $1::timestamptz)
      AND ($3::uuid[] IS NULL OR period.installation_id = ANY($3::uuid[]))
  ), run AS (
    SELECT cluster_id, installation_id, plan_id, price_id, servers, vm_size,
      extract(epoch FROM ends_at - starts_at)::int AS seconds
    FROM part WHERE charged AND ends_at > starts_at
  ), stored AS (
    SELECT cluster_id, stored_bytes, date_trunc('second', verified_at) AS starts_at,
      date_trunc('second', coalesce(deleted_at, 'infinity')) AS ends_at
    FROM snapshots
    WHERE verified_at < $2::timestamptz AND (deleted_at IS NULL OR deleted_at > $1::timestamptz) AND stored_bytes > 0
  ), kept AS (
    SELECT part.cluster_id, part.installation_id, part.plan_id, part.price_id, part.starts_at, part.ends_at,
      stored_bytes::numeric
        * extract(epoch FROM least(stored.ends_at, part.ends_at) - greatest(stored.starts_at, part.starts_at))::int AS quantity
    FROM part JOIN stored USING (cluster_id)
    WHERE part.ends_at > part.starts_at AND stored.starts_at < part.ends_at AND stored.ends_at > part.starts_at
  )
  SELECT cluster_id, installation_id,
    'cluster/' || CASE servers WHEN 1 THEN 'development' ELSE 'production' END || '/' || servers || '/' || vm_size AS meter,
    plan_id, price_id, sum(seconds)::int AS seconds, sum(seconds)::numeric AS quantity
  FROM run GROUP BY cluster_id, installation_id, servers, vm_size, plan_id, price_id
  UNION ALL
  SELECT cluster_id, installation_id, 'service-instances', plan_id, price_id, sum(seconds)::int,
    sum(seconds)::numeric * instances
  FROM run JOIN service_instance_peaks peak USING (cluster_id) WHERE peak.hour = $1::timestamptz
  GROUP BY cluster_id, installation_id, plan_id, price_id, instances
  UNION ALL
  SELECT cluster_id, installation_id, 'snapshot-storage', plan_id, price_id,
    sum(seconds)::int, sum(quantity) FROM (
      SELECT cluster_id, installation_id, plan_id, price_id, starts_at,
        extract(epoch FROM ends_at - starts_at)::int AS seconds, sum(quantity) AS quantity
      FROM kept GROUP BY cluster_id, installation_id, plan_id, price_id, starts_at, ends_at) AS by_part
  GROUP BY cluster_id, installation_id, plan_id, price_id`;
