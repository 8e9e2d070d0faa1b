SELECT DISTINCT started_ms - started_ms % 86400000 FROM attempt
