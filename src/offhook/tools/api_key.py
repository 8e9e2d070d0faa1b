"""The API key that a command is given. Pure."""

from offhook.model.errors import Invalid


def check_key(key: str | None) -> str:
    """The key, once it is clear that a header can carry it. ``Invalid`` shows nothing of it."""
    if not key:
        raise Invalid("No API key: give --key, or set OFFHOOK_KEY, to one of the server's.")
    if not key.isprintable():
        raise Invalid(
            "The API key holds a line break, or another character that none has: look how "
            "OFFHOOK_KEY was set, or --key given."
        )
    return key
