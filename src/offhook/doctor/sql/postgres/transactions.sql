SELECT
    pid, application_name, coalesce(state, 'unknown'),
    extract(epoch FROM clock_timestamp() - xact_start)::double precision
FROM pg_stat_activity
WHERE backend_type = 'client backend'
    AND pid <> pg_backend_pid()
    AND xact_start < clock_timestamp() - make_interval(secs => $1::double precision)
