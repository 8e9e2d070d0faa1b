SELECT count(*) FROM member
WHERE consumer = :consumer AND until_ms > offhook_now(:now_ms::bigint)
    AND (config_version IS NULL OR config_version < :version::bigint)
