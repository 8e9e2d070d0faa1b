"""Stats: what attempts come to over a while, and what waits."""
