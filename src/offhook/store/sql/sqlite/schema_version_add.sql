INSERT INTO schema_version (version, name, applied_ms) VALUES (:version, :name, :applied_ms)
