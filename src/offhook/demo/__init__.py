"""The demo: a server, a receiver that fails now and then, a day of calls, and what arrived.

The receiver is a process of its own and counts by itself; nothing that the server says of its
deliveries enters the figures.
"""
