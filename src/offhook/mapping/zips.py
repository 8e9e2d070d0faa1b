"""Postal codes of the United States and Canada."""

import re

from offhook.mapping.reading import CannotRead, as_text

_US = re.compile(r"(\d{5})(?:-?\d{4})?", re.ASCII)
_CANADA = re.compile(r"([A-Z]\d[A-Z]) ?(\d[A-Z]\d)", re.ASCII | re.IGNORECASE)


def zip_code(value: object) -> str:
    """A US ZIP code as five digits (ZIP+4 loses its extension), a Canadian one as ``K1A 0B1``.

    Four digits, the mark of a spreadsheet that dropped a leading zero, are refused like the rest.
    """
    text = as_text(value)
    american = _US.fullmatch(text)
    if american:
        return american[1]
    canadian = _CANADA.fullmatch(text)
    if canadian:
        return f"{canadian[1]} {canadian[2]}".upper()
    raise CannotRead(value, "is not a ZIP code of five digits, ZIP+4 or a Canadian postal code")
