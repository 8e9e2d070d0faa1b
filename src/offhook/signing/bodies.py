"""What a body may have been before the changes that tools are known to make."""

import json
from collections.abc import Iterator


def before_changes(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Each likely change, with the body before it."""
    yield "a line break was put at its end", body.rstrip(b"\r\n")
    yield "the line break at its end is gone", body + b"\n"
    yield "line breaks were rewritten", body.replace(b"\r\n", b"\n")
    yield "a byte order mark was put before it", body.removeprefix(b"\xef\xbb\xbf")
    try:
        document = json.loads(body)
        compact = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
        spaced = json.dumps(document).encode()
    except (ValueError, RecursionError):
        return
    yield "its JSON was parsed and written again", compact
    yield "its JSON was parsed and written again", spaced
