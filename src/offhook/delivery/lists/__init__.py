"""Lists of deliveries: what has left a trace, and what an endpoint has not come to yet."""
