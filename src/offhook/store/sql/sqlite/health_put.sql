INSERT INTO endpoint_health (
    webhook, failures, failing_since_ms, last_failure_ms, last_success_ms, announced, updated_ms
)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (webhook) DO UPDATE SET
failures = excluded.failures,
failing_since_ms = excluded.failing_since_ms,
last_failure_ms = excluded.last_failure_ms,
last_success_ms = excluded.last_success_ms,
announced = excluded.announced,
updated_ms = excluded.updated_ms
