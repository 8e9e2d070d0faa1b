"""What a value is before it is coerced: null, or something that a coercion reads or refuses."""

from collections.abc import Callable

Record = dict[str, object]
"""One record of a source: a row of a file, the JSON body of a webhook."""

Reader = Callable[[object], object]
"""Reads one value that is not null, or raises ``CannotRead``."""

MAX_TEXT = 65_536
_SHOWN = 80


class CannotRead(Exception):
    """A value that a rule does not understand. ``source`` names the path it came from."""

    def __init__(self, value: object, reason: str, source: str = "") -> None:
        super().__init__(reason)
        self.value = value
        self.reason = reason
        self.source = source


def is_null(value: object) -> bool:
    """Whether a source said nothing: null, blank text, ``"NULL"``, ``{}`` or ``[]``."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value or value == "NULL" or value.isspace()
    return isinstance(value, dict | list) and not value


def as_text(value: object) -> str:
    """A scalar as trimmed text. Raises ``CannotRead`` for objects, lists and control characters
    that no database takes."""
    if isinstance(value, str):
        text = value.strip()
        if "\x00" in text:
            raise CannotRead(value, "contains a NUL character")
        if len(text) > MAX_TEXT:
            raise CannotRead(text[:_SHOWN], f"is longer than {MAX_TEXT} characters")
        return text
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    raise CannotRead(value, f"is {kind_of(value)}, not a single value")


def kind_of(value: object) -> str:
    """What a person calls the kind of a JSON value."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "text"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return f"a {type(value).__name__}"


def shown(value: object) -> str:
    """A value as an error message shows it, cut to a bearable length."""
    text = value if isinstance(value, str) else repr(value)
    cut = text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
    return f'"{cut}"' if isinstance(value, str) else cut
