-- A row to lock, where there is none yet.
INSERT INTO endpoint_health (webhook, failures, updated_ms)
SELECT webhook, 0, offhook_now(:now_ms::bigint) FROM unnest(:webhooks::text[]) AS webhook
ORDER BY webhook COLLATE "C"
ON CONFLICT (webhook) DO NOTHING
