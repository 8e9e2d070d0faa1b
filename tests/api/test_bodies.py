"""Request bodies: bounded, UTF-8, not nested too deep, and without the character U+0000."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

from offhook.api.bodies import MAX_DEPTH, check_json, is_deeper, parse_json, read_body
from offhook.model.errors import TooLarge, Unreadable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=40,
)


def depth_of(value: object) -> int:
    match value:
        case dict():
            return 1 + max((depth_of(item) for item in value.values()), default=0)
        case list():
            return 1 + max((depth_of(item) for item in value), default=0)
        case _:
            return 0


def stream(*parts: bytes) -> Receive:
    left = list(parts)

    async def receive() -> Message:
        part = left.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(left)}

    return receive


def announced(length: int | None) -> Scope:
    headers = [] if length is None else [(b"content-length", str(length).encode())]
    return {"type": "http", "headers": headers}


@given(JSON, st.booleans(), st.integers(0, 6))
def test_the_depth_is_that_of_the_value_whatever_its_strings_hold(
    value: object, ascii_only: bool, bound: int
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert is_deeper(text, bound) == (depth_of(value) > bound)


def test_thirty_two_levels_are_read_and_one_more_is_refused() -> None:
    deepest = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert parse_json(deepest)
    with pytest.raises(TooLarge, match="nested deeper than 32 levels"):
        parse_json(b"[" + deepest + b"]")


def test_many_brackets_on_one_level_are_not_deep() -> None:
    assert len(parse_json(b"[" + b",".join([b"[]"] * 500) + b"]")) == 500


@pytest.mark.parametrize("unclosed", [b"[" * 1_000_000, b'{"a":' * 200_000, b'"\\"' * 300_000])
def test_what_never_closes_is_refused_without_effort(unclosed: bytes) -> None:
    with pytest.raises((TooLarge, Unreadable)):
        parse_json(unclosed)


@pytest.mark.parametrize("raw", [rb'{"a":"\u0000"}', rb'{"\u0000":1}', rb'["\\\u0000"]'])
def test_the_character_nul_is_refused(raw: bytes) -> None:
    with pytest.raises(Unreadable, match=r"U\+0000"):
        check_json(raw)


def test_an_escaped_backslash_before_u0000_is_plain_text() -> None:
    assert parse_json(rb'["\\u0000"]') == ["\\u0000"]


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        (b'{"a":}', "line 1, column 6"),
        (b'{"a":1', "line 1, column 7"),
        (b'{\n"a" 1}', "line 2, column 5"),
        (b"yes", "line 1, column 1"),
        (b'{"a":1}x', "line 1, column 8"),
        (b'["\xff"]', "byte 2"),
        (b'{"a":NaN}', "byte 5"),
    ],
)
def test_what_is_no_json_is_refused_with_the_position(raw: bytes, where: str) -> None:
    with pytest.raises(Unreadable, match=where):
        parse_json(raw)


def test_an_empty_body_is_told_from_a_broken_one() -> None:
    with pytest.raises(Unreadable, match="empty"):
        parse_json(b"  ")


async def test_a_body_arrives_whole_from_its_parts() -> None:
    assert await read_body(announced(6), stream(b"ab", b"", b"cd", b"ef"), 6) == b"abcdef"


async def test_an_announced_length_beyond_the_bound_is_refused_unread() -> None:
    with pytest.raises(TooLarge, match="larger than 1 MiB"):
        await read_body(announced((1 << 20) + 1), stream(), 1 << 20)


async def test_a_body_that_does_not_announce_itself_is_counted_as_it_comes() -> None:
    endless = [b"x" * 400_000] * 100
    receive = stream(*endless)
    with pytest.raises(TooLarge):
        await read_body(announced(None), receive, 1 << 20)
    assert (await receive())["more_body"], "the rest was never asked for"


async def test_a_sender_that_goes_away_leaves_no_half_body() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(ClientDisconnect):
        await read_body(announced(10), receive, 100)
