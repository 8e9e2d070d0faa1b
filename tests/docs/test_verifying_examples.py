"""The examples of the page on verifying verify what Offhook signs, and nothing else."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from offhook.model.reading import MAX_DATA_BYTES
from offhook.signing import (
    STANDARD,
    STANDARD_ED25519,
    RejectReason,
    Scheme,
    Secret,
    make_secret,
    signer_for,
)
from offhook.signing.ed25519 import public_key
from offhook.signing.presets import PRESETS

PAGE = Path(__file__).parents[2] / "docs" / "verifying-signatures.md"
BODY = b'{"id":"evt_1","type":"call.ended","data":{}}'
OLD, NEW = make_secret(bytes(32)), make_secret(b"n" * 32)
PAIR, NEXT_PAIR = (make_secret(bytes([n] * 32), STANDARD_ED25519) for n in (1, 2))


def example(containing: str) -> dict[str, Any]:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    [code] = [block for block in blocks if containing in block]
    names: dict[str, Any] = {}
    exec(code, names)
    return names


def rotating(scheme: Scheme, new: str, old: str) -> dict[str, str]:
    now_ms = time.time_ns() // 1_000_000
    signer = signer_for(scheme, [Secret(new), Secret(old, now_ms + 60_000)])
    return signer.headers("evt_1", now_ms, BODY)


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_the_example_for_python_takes_either_secret_during_a_rotation(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFHOOK_SECRET", secret)
    receive: Callable[[bytes, dict[str, str]], int] = example("standardwebhooks")["receive"]
    headers = rotating(STANDARD, NEW, OLD)
    assert receive(BODY, headers) == 200
    assert receive(BODY + b" ", headers) == 401
    for junk in ("junk", "v1", "v1,%", "v1,AA== v1,é"):
        assert receive(BODY, headers | {"webhook-signature": junk}) == 401


def test_the_example_for_javascript_takes_a_body_as_large_as_an_event_may_be() -> None:
    stated = re.search(r'express\.raw\({[^}]*limit: "(\d+)mb"', PAGE.read_text())
    assert stated is not None
    assert int(stated[1]) << 20 > 2 * MAX_DATA_BYTES


@pytest.mark.parametrize("pair", [PAIR, NEXT_PAIR])
def test_the_example_for_ed25519_takes_either_public_key(pair: str) -> None:
    is_signed = example("cryptography")["is_signed"]
    headers = rotating(STANDARD_ED25519, NEXT_PAIR, PAIR)
    assert is_signed(public_key(pair), BODY, headers)
    assert not is_signed(public_key(pair), BODY + b" ", headers)
    assert not is_signed(public_key(make_secret(b"3" * 32, STANDARD_ED25519)), BODY, headers)
    assert not is_signed(public_key(pair), BODY, headers | {"webhook-timestamp": "1"})


def test_the_example_of_a_preset_takes_what_is_signed_and_nothing_else() -> None:
    verified = example("Verifier")["verified"]
    url, fields = "https://h.example/in?a=%2F", {"CallSid": "CA1", "CallStatus": "ringing"}
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Twilio-Signature": RequestValidator("the auth token").compute_signature(url, fields),
    }
    body = urlencode(fields).encode()
    assert verified(url, headers, body)
    assert not verified(url, headers, body + b"&Digits=1")
    assert not verified("https://h.example/in?a=/", headers, body)
    assert not verified(url, {}, body)


def test_the_page_names_every_preset_and_every_reason() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name in [*PRESETS, *RejectReason]:
        assert f"`{name}`" in page
