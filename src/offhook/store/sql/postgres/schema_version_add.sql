INSERT INTO schema_version (version, name, applied_ms)
VALUES (
    :version, :name,
    coalesce(:applied_ms::bigint, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
)
