SELECT count(*) FROM member
WHERE consumer = :consumer AND until_ms > :now_ms
    AND (config_version IS NULL OR config_version < :version)
