"""The URL of a WSGI request as the sender wrote it: senders that sign it sign each letter. Pure."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote

_UNQUOTED: Final = "/:@!$&'()*+,;="


def called_url(scheme: str, host: str, path: str, environ: Mapping[str, object]) -> str:
    """The URL, escaped as it was sent; ``path`` is the decoded one, with what the app is mounted
    under. What a server says of the raw path (``RAW_URI``, ``REQUEST_URI``) counts if it is of the
    same, which it is not behind a proxy that takes a prefix away."""
    raw = _text(environ, "RAW_URI") or _text(environ, "REQUEST_URI")
    raw_path = raw.partition("?")[0]
    written = raw_path if unquote(raw_path) == path else quote(path, safe=_UNQUOTED)
    query = _text(environ, "QUERY_STRING")
    return f"{scheme}://{host}{written}" + (f"?{query}" if query else "")


def _text(environ: Mapping[str, object], name: str) -> str:
    value = environ.get(name)
    return value if isinstance(value, str) else ""
