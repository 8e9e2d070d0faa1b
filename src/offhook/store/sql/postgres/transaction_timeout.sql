-- For the session. PostgreSQL 17 and later know of it.
SELECT set_config('transaction_timeout', :timeout_ms::integer::text, false)
