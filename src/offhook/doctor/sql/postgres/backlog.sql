SELECT
    count(*) FILTER (WHERE state = 'retry'),
    count(*) FILTER (WHERE state = 'waiting'),
    count(*) FILTER (WHERE state = 'failed'),
    count(*) FILTER (WHERE state = 'canceled'),
    count(*) FILTER (WHERE due_ms < $1::bigint - $2::bigint),
    min(due_ms)
FROM pending
