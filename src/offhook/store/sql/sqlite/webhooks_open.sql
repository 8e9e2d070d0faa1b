SELECT json_group_object(id, json(iif(coalesce(document ->> 'enabled', 1), 'true', 'false')))
FROM resource
WHERE kind = 'webhook' AND id IN (SELECT value FROM json_each(:webhooks))
