SELECT pg_try_advisory_lock(hashtext(current_schema() || '.retention'))
