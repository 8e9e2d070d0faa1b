DELETE FROM processed WHERE id IN (SELECT id FROM processed WHERE until_ms <= :now_ms ORDER BY until_ms LIMIT :limit)
