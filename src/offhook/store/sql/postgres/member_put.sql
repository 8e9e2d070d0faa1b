INSERT INTO member (consumer, owner, until_ms)
VALUES (:consumer, :owner, offhook_now(:now_ms::bigint) + :ttl_ms::bigint)
ON CONFLICT (consumer, owner) DO UPDATE SET until_ms = excluded.until_ms
