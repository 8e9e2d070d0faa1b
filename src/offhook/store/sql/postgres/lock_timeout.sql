-- For the transaction at hand.
SELECT set_config('lock_timeout', :timeout_ms::integer::text, true)
