-- Locked until the merged ones are written, in ascending order.
SELECT webhook, failures, failing_since_ms, last_failure_ms, last_success_ms, announced
FROM endpoint_health
WHERE webhook = ANY(:webhooks::text[])
ORDER BY webhook
FOR UPDATE
