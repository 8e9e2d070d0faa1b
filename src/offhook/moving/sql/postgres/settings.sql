-- Between two statements the other log is read; and who holds a lock here for long is not waited for.
SELECT
    set_config('idle_in_transaction_session_timeout', '0', true),
    set_config('lock_timeout', '10000', true)
