-- Replays that were over before a moment, the oldest first. OFFSET 0: their ranges are looked up one
-- replay after the other.
SELECT replay.id FROM replay
WHERE replay.created_ms < :before_ms::bigint
    AND coalesce(replay.canceled_ms, 0) < :before_ms::bigint
    AND NOT EXISTS (
        SELECT 1 FROM replay_range
        WHERE replay_range.replay = replay.id
            AND (NOT replay_range.done OR replay_range.updated_ms >= :before_ms::bigint)
        OFFSET 0
    )
ORDER BY replay.created_ms
LIMIT :limit::bigint
FOR UPDATE OF replay SKIP LOCKED
