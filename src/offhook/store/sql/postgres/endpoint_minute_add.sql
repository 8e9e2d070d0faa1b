INSERT INTO endpoint_minute (webhook, minute, class, bucket, attempts)
SELECT * FROM unnest(
    :webhooks::text[], :minutes::integer[], :classes::smallint[], :buckets::smallint[],
    :attempts::bigint[]
)
ON CONFLICT (webhook, minute, class, bucket)
DO UPDATE SET attempts = endpoint_minute.attempts + excluded.attempts
