-- Replays that were over before a moment, the oldest first.
SELECT json_group_array(id)
FROM (
    SELECT id FROM replay INDEXED BY replay_made
    WHERE created_ms < :before_ms
        AND coalesce(canceled_ms, 0) < :before_ms
        AND NOT EXISTS (
            SELECT 1 FROM replay_range
            WHERE replay_range.replay = replay.id
                AND (done = 0 OR updated_ms >= :before_ms)
        )
    ORDER BY created_ms
    LIMIT :limit
)
