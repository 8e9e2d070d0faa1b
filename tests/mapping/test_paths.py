"""Paths: dotted names, indexes, every element, quoted names; and what is no path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.mapping.paths import BadPath, getter, parse_path

RECORD: dict[str, object] = {
    "vru+line": "AA0101",
    "customer": {"phone": "+12145550123", "a.b": 1},
    "agents": [{"name": "A"}, {"name": "B"}, {}],
    "grid": [[1, 2], [3]],
    "it's": "odd",
    "empty": [],
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("'vru+line'", "AA0101"),
        ("['vru+line']", "AA0101"),
        ('"it\'s"', "odd"),
        ("customer.phone", "+12145550123"),
        ("customer['phone']", "+12145550123"),
        ("customer.'a.b'", 1),
        ("agents[0].name", "A"),
        ("agents[-2].name", "B"),
        ("agents[7].name", None),
        ("agents[*].name", ["A", "B"]),
        ("grid[*]", [1, 2, 3]),
        ("grid[*][0]", [1, 3]),
        ("empty[*].name", []),
        ("customer[*]", None),
        ("customer[0]", None),
        ("agents.name", None),
        ("nothing.at.all", None),
    ],
)
def test_a_path_finds_what_stands_there_and_null_where_nothing_does(path: str, found: object):
    assert getter(parse_path(path))(RECORD) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "a b",
        "vru+line",
        "a[",
        "a[x]",
        "[0]",
        "[*].a",
        "a'b'",
        "a[1e3]",
    ],
)
def test_what_is_no_path_is_refused(text: str):
    with pytest.raises(BadPath):
        parse_path(text)


def test_a_path_has_a_bounded_number_of_steps():
    with pytest.raises(BadPath, match="at most"):
        parse_path(".".join("a" * 33))


@given(st.text(max_size=30))
def test_any_text_is_a_path_or_refused_with_bad_path(text: str):
    try:
        path = parse_path(text)
    except BadPath:
        return
    assert getter(path)({}) is None


@given(st.text(min_size=1, max_size=20).filter(lambda name: "'" not in name and "\n" not in name))
def test_any_column_name_can_be_quoted(name: str):
    assert getter(parse_path(f"'{name}'"))({name: "here"}) == "here"
