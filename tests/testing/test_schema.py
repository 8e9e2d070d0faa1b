"""A schema of one's own: its URL is the database's, but for where names are looked up."""

import pytest

from offhook.testing.schema import within


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("postgresql://u:p@h:5433/db", "postgresql://u:p@h:5433/db?search_path=mine"),
        ("postgresql:///db?host=/run", "postgresql:///db?host=%2Frun&search_path=mine"),
        (
            "postgres://h/db?search_path=other&ssl=require",
            "postgres://h/db?ssl=require&search_path=mine",
        ),
    ],
)
def test_only_where_names_are_looked_up_is_changed(url: str, inside: str) -> None:
    assert within(url, "mine") == inside
