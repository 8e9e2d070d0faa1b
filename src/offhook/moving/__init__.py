"""Moving a stopped installation from SQLite to PostgreSQL."""
