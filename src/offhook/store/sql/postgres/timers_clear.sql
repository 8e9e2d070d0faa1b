DELETE FROM timer
USING unnest(:accounts::text[], :keys::text[], :kinds::text[]) AS cleared (account, key, kind)
WHERE timer.account = cleared.account AND timer.key = cleared.key AND timer.kind = cleared.kind
