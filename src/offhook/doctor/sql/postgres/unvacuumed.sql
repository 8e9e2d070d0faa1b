SELECT relname::text FROM pg_class
WHERE relnamespace = current_schema()::regnamespace
    AND ('autovacuum_enabled=false' = ANY(reloptions) OR 'autovacuum_enabled=off' = ANY(reloptions))
