SELECT
    count(*) FILTER (WHERE state = 'retry'),
    count(*) FILTER (WHERE state = 'waiting'),
    count(*) FILTER (WHERE state = 'failed'),
    count(*) FILTER (WHERE state = 'canceled'),
    count(*) FILTER (WHERE due_ms < :now_ms - :overdue_ms),
    min(due_ms)
FROM pending
