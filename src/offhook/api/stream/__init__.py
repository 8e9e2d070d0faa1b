"""The live stream: one follower of the log in each process, and any number of clients behind it."""
