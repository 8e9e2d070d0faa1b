SELECT pg_advisory_xact_lock(hashtextextended('offhook.receiver', 0))
