-- Whether an attempt is recorded. Each is of one moment, so that no other one is taken for it.
SELECT EXISTS (
    SELECT 1 FROM attempt
    WHERE webhook = :webhook AND partition = :partition::integer AND position = :position::bigint
        AND number = :number::integer AND started_ms = :started_ms::bigint
)
