UPDATE endpoint_health SET
    failures = merged.failures,
    failing_since_ms = merged.failing_since_ms,
    last_failure_ms = merged.last_failure_ms,
    last_success_ms = merged.last_success_ms,
    announced = merged.announced,
    updated_ms = offhook_now(:now_ms::bigint)
FROM unnest(
    :webhooks::text[], :failures::bigint[], :failing_since_ms::bigint[],
    :last_failure_ms::bigint[], :last_success_ms::bigint[], :announced::boolean[]
) AS merged (webhook, failures, failing_since_ms, last_failure_ms, last_success_ms, announced)
WHERE endpoint_health.webhook = merged.webhook
