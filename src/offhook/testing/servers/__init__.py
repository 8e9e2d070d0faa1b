"""Real PostgreSQL and Redis servers on loopback, from wheels: nothing is installed beforehand."""
