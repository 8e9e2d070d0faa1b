-- Whether any delivery is still tried whose trying began before a moment.
SELECT EXISTS (
    SELECT 1 FROM pending
    WHERE (state = 'retry' OR state = 'waiting') AND since_ms < :before_ms::bigint
)
