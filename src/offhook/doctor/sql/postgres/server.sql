-- The columns of ServerFacts, in order. Sessions of others are counted without their details, which
-- takes no privilege.
SELECT
    current_setting('server_version_num')::integer / 10000,
    pg_is_in_recovery(),
    current_user::text,
    current_schema()::text,
    coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
    coalesce(
        (
            SELECT bool_and(pg_has_role(relowner, 'USAGE')) FROM pg_class
            WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
        ), true
    ),
    current_setting('synchronous_commit'),
    current_setting('fsync')::boolean,
    current_setting('full_page_writes')::boolean,
    current_setting('autovacuum')::boolean AND current_setting('track_counts')::boolean,
    current_setting('max_connections')::integer,
    current_setting('superuser_reserved_connections')::integer,
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
    (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
    pg_database_size(current_database()),
    (SELECT max(age(datfrozenxid)) FROM pg_database)
