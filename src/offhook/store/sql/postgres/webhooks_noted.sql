-- Which of these webhooks may receive, and where they stand; until the end of the transaction they
-- stay as they are.
SELECT id, document::jsonb ->> 'url' AS url FROM resource
WHERE kind = 'webhook' AND id = ANY(:webhooks::text[])
    AND coalesce((document::jsonb ->> 'enabled')::boolean, true)
ORDER BY id
FOR SHARE
