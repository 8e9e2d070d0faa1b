"""The demo's processes: when their shares of the work are even."""

from pathlib import Path

import pytest

from offhook.demo.database import DemoDatabase
from offhook.demo.servers import are_even, servers_for


@pytest.mark.parametrize(
    ("shares", "even"),
    [
        ([16], True),
        ([4, 4, 4, 4], True),
        ([6, 5, 5], True),
        ([16, 0, 0, 0], False),
        ([4, 4, 4, 0], False),
        ([5, 4, 4, 3], False),
        ([0, 0, 0, 0], False),
    ],
)
def test_shares_are_even_once_they_are_all_there_is_and_nobody_has_two_more(
    shares: list[int], even: bool
) -> None:
    assert are_even(shares, 16) is even


def test_there_is_a_partition_for_each_process_however_many_there_are(tmp_path: Path) -> None:
    database = DemoDatabase("postgresql://here/db", "here")
    few, many = (servers_for(tmp_path, "key", n, database) for n in (2, 20))
    assert (len(few.all), few.partitions) == (2, 16)
    assert (len(many.all), many.partitions) == (20, 20)
    assert {server.child._environment["OFFHOOK_PARTITIONS"] for server in many.all} == {"20"}


def test_one_process_on_a_folder_has_no_database(tmp_path: Path) -> None:
    servers = servers_for(tmp_path, "key", 1, None)
    assert [servers.front] == servers.all
    assert servers.partitions == 1
    assert servers.front.child._environment["OFFHOOK_DATA"] == str(tmp_path / "data")
    assert "OFFHOOK_DATABASE" not in servers.front.child._environment
