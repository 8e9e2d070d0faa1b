-- In ascending order, so that nobody waits for somebody who waits.
INSERT INTO filter_fault (webhook, errors, last_error, last_event, last_ms)
SELECT seen.webhook, seen.errors, seen.last_error, seen.last_event, seen.last_ms
FROM unnest(
    :webhooks::text[], :errors::bigint[], :last_errors::text[], :last_events::text[],
    :last_ms::bigint[]
) AS seen (webhook, errors, last_error, last_event, last_ms)
WHERE EXISTS (
    SELECT 1 FROM resource WHERE resource.kind = 'webhook' AND resource.id = seen.webhook
)
ORDER BY seen.webhook COLLATE "C"
ON CONFLICT (webhook) DO UPDATE SET
errors = filter_fault.errors + excluded.errors,
last_error = CASE
    WHEN excluded.last_ms >= filter_fault.last_ms THEN excluded.last_error
    ELSE filter_fault.last_error
END,
last_event = CASE
    WHEN excluded.last_ms >= filter_fault.last_ms THEN excluded.last_event
    ELSE filter_fault.last_event
END,
last_ms = greatest(excluded.last_ms, filter_fault.last_ms)
