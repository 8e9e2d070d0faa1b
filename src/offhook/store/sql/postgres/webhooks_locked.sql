-- As webhooks_open, where some of them are to be changed: an owner that takes the lock to share it
-- first, and then for itself, waits in a ring with the next that does so.
SELECT id, coalesce((document::jsonb ->> 'enabled')::boolean, true) AS enabled FROM resource
WHERE kind = 'webhook' AND id = ANY(:webhooks::text[])
ORDER BY id
FOR UPDATE
