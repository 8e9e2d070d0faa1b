DELETE FROM receiver_event WHERE place IN (
    SELECT place FROM receiver_event WHERE state = 'handled' AND changed_ms <= :before_ms ORDER BY changed_ms LIMIT :limit
)
