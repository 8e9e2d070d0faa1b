"""What ends the demo early, said in one line."""


class DemoFailed(Exception):
    """The demo cannot go on; the message is for the user."""
