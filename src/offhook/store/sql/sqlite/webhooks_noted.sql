-- Which of these webhooks may receive, and where they stand.
SELECT json_group_object(id, document ->> 'url') FROM resource
WHERE kind = 'webhook' AND id IN (SELECT value FROM json_each(:webhooks))
    AND coalesce(document ->> 'enabled', 1)
