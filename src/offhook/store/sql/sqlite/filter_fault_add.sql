INSERT INTO filter_fault (webhook, errors, last_error, last_event, last_ms)
SELECT :webhook, :errors, :last_error, :last_event, :last_ms
WHERE EXISTS (SELECT 1 FROM resource WHERE kind = 'webhook' AND id = :webhook)
ON CONFLICT (webhook) DO UPDATE SET
errors = errors + excluded.errors,
last_error = iif(excluded.last_ms >= last_ms, excluded.last_error, last_error),
last_event = iif(excluded.last_ms >= last_ms, excluded.last_event, last_event),
last_ms = max(excluded.last_ms, last_ms)
