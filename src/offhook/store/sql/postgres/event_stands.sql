-- Whether an event stands where an append with an unknown outcome had placed it.
SELECT EXISTS (
    SELECT 1 FROM event
    WHERE partition = :partition::integer AND position = :position::bigint
        AND created_ms = :created_ms::bigint
        AND id = :id AND account = :account AND key = :key AND data = :data::bytea
)
