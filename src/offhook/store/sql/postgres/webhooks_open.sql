-- Which of these webhooks there still are, and whether they may receive; until the end of the
-- transaction they stay as they are.
SELECT id, coalesce((document::jsonb ->> 'enabled')::boolean, true) AS enabled FROM resource
WHERE kind = 'webhook' AND id = ANY(:webhooks::text[])
ORDER BY id
FOR SHARE
