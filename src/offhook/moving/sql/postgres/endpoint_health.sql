SELECT
    webhook, failures, failing_since_ms, last_failure_ms, last_success_ms, updated_ms,
    announced::integer
FROM endpoint_health
