-- What was told of it stays told: a success is a recovery, wherever it stands now.
UPDATE endpoint_health
SET failures = 0, failing_since_ms = NULL, last_failure_ms = NULL, last_success_ms = NULL
WHERE webhook = :webhook
