"""The ground: one durable, ordered log, its appender, its consumers' leases, its feed."""
