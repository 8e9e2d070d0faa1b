"""Importing a file: every row is taken, unchanged or told, and nothing stops the others."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from offhook.integrations.importing import ImportReport, import_file
from offhook.integrations.posting import Fault, ItemAnswer, Problem, RefusedByServer
from offhook.integrations.rejects import Rejection
from offhook.log.submit import read_submission
from offhook.mapping.compiler import FieldMapping, compile_mapping
from offhook.model.errors import Invalid
from offhook.model.ids import DEFAULT_ACCOUNT

MAPPING = compile_mapping(
    {
        "source": {"value": "file"},
        "external_id": {"path": "id", "required": True},
        "direction": {"value": "inbound"},
        "outcome": {"path": "result", "lookup": {"A": "answered", "X": "abandoned"}},
        "started_at": {"path": "at", "timezone": "America/New_York"},
        "talk_s": "talk",
    }
)
HEADER = "id,result,at,talk"
GOOD = "7,A,2026-01-13 10:00:00,60"


class Server:
    """Takes batches, and reads each item as the API does."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, object]]] = []
        self.seen: set[str | None] = set()

    async def post(self, items: Sequence[bytes]) -> Sequence[ItemAnswer]:
        batch = [json.loads(item) for item in items]
        self.batches.append([item["data"] for item in batch])
        return [self._answer(item) for item in batch]

    def _answer(self, item: object) -> ItemAnswer:
        try:
            submission = read_submission(item, account=DEFAULT_ACCOUNT, test=False, size=100)
        except Invalid as error:
            faults = tuple(
                Fault(f"body.items.0{each.path.removeprefix('body')}", each.message)
                for each in error.errors
            )
            return ItemAnswer(422, error=Problem("Invalid", error.detail, faults))
        if submission.key in self.seen:
            return ItemAnswer(200, changed=False)
        self.seen.add(submission.key)
        return ItemAnswer(202)


@pytest.fixture
def server() -> Server:
    return Server()


def written(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "calls.csv"
    path.write_text("\n".join([header, *rows]))
    return path


async def test_a_row_becomes_one_finished_historical_call(tmp_path: Path, server: Server):
    report = await import_file(written(tmp_path, GOOD), MAPPING, post_batch=server.post)
    assert report == ImportReport("utf-8", rows_read=1, new=1)
    assert server.batches == [
        [
            {
                "source": "file",
                "external_id": "7",
                "direction": "inbound",
                "outcome": "answered",
                "started_at": "2026-01-13T15:00:00Z",
                "talk_s": 60.0,
                "historical": True,
            }
        ]
    ]


async def test_live_calls_are_not_said_to_be_history(tmp_path: Path, server: Server):
    await import_file(written(tmp_path, GOOD), MAPPING, post_batch=server.post, live=True)
    assert "historical" not in server.batches[0][0]


async def test_a_file_imported_again_is_unchanged(tmp_path: Path, server: Server):
    path = written(tmp_path, GOOD, GOOD.replace("7,", "8,"))
    await import_file(path, MAPPING, post_batch=server.post)
    report = await import_file(path, MAPPING, post_batch=server.post)
    assert (report.new, report.unchanged, report.rejected) == (0, 2, 0)


async def test_bad_rows_are_told_and_written_and_the_others_are_taken(
    tmp_path: Path, server: Server
):
    path = written(
        tmp_path,
        "1,A,2026-01-13 10:00:00,60",
        "2,A,yesterday,-5",
        "3,A,2026-01-13 10:00:00",
        "4,A,2026-01-13 10:00:00,99999999",
        "5,X,2026-01-13 10:00:00,",
    )
    rejects = tmp_path / "rejects.csv"
    report = await import_file(path, MAPPING, post_batch=server.post, rejects=rejects)
    assert (report.rows_read, report.new, report.rejected) == (5, 2, 3)
    assert [(r.row, r.column, r.value) for r in report.rejections] == [
        (3, "at", "yesterday"),
        (3, "talk", "-5"),
        (4, "talk", ""),
        (5, "talk_s", "99999999.0"),
    ]
    lines = list(csv.reader(rejects.read_text().splitlines()))
    assert lines[0] == ["row", "column", "reason", "id", "result", "at", "talk"]
    assert [(line[0], line[1], line[3]) for line in lines[1:]] == [
        ("3", "at; talk", "2"),
        ("4", "talk", "3"),
        ("5", "talk_s", "4"),
    ]


async def test_batches_hold_at_most_a_thousand_rows_and_progress_is_told(
    tmp_path: Path, server: Server
):
    path = written(tmp_path, *(GOOD.replace("7,", f"{n},", 1) for n in range(2_500)))
    told: list[int] = []
    report = await import_file(
        path, MAPPING, post_batch=server.post, progress=lambda so_far: told.append(so_far.new)
    )
    assert [len(batch) for batch in server.batches] == [1_000, 1_000, 500]
    assert told == [1_000, 2_000, 2_500]
    assert report.new == 2_500


async def test_large_rows_make_smaller_batches(tmp_path: Path, server: Server):
    mapping = compile_mapping({"source": {"value": "f"}, "external_id": "id", "notes": "notes"})
    rows = [f"{n},{'x' * 60_000}" for n in range(300)]
    path = written(tmp_path, *rows, header="id,notes")
    report = await import_file(path, mapping, post_batch=server.post)
    assert report.new == 300
    assert [sum(len(json.dumps(item)) for item in batch) < 9 << 20 for batch in server.batches] == [
        True
    ] * len(server.batches)
    assert len(server.batches) > 1


async def test_a_refusal_of_the_server_ends_the_import(tmp_path: Path):
    async def refuse(_items: Sequence[bytes]) -> Sequence[ItemAnswer]:
        raise RefusedByServer("the key is unknown")

    with pytest.raises(RefusedByServer):
        await import_file(written(tmp_path, GOOD), MAPPING, post_batch=refuse)


async def test_a_refused_item_without_details_is_told_by_its_status(tmp_path: Path):
    async def refuse(items: Sequence[bytes]) -> Sequence[ItemAnswer]:
        return [ItemAnswer(500) for _ in items]

    report = await import_file(written(tmp_path, GOOD), MAPPING, post_batch=refuse)
    assert report.rejections == [Rejection(2, "", "", "answered 500")]


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (compile_mapping({"external_id": "id"}), "mapping.source"),
        (compile_mapping({"source": {"value": "f"}}), "mapping.external_id"),
        (
            compile_mapping({"source": {"value": "f"}, "external_id": "resul"}),
            'no column "resul"; did you mean "result"',
        ),
    ],
)
async def test_a_mapping_that_does_not_fit_the_file_is_refused_before_the_first_row(
    tmp_path: Path, server: Server, mapping: FieldMapping, message: str
):
    with pytest.raises(Invalid, match=message):
        await import_file(written(tmp_path, GOOD), mapping, post_batch=server.post)
    assert server.batches == []


async def test_the_rejects_never_overwrite_the_input(tmp_path: Path, server: Server):
    path = written(tmp_path, GOOD)
    with pytest.raises(Invalid, match="being imported"):
        await import_file(path, MAPPING, post_batch=server.post, rejects=path)
    assert path.read_text().endswith(GOOD)


async def test_a_doubtful_local_time_is_counted(tmp_path: Path, server: Server):
    path = written(tmp_path, "7,A,2026-11-01 01:30:00,60")
    report = await import_file(path, MAPPING, post_batch=server.post)
    assert (report.new, report.adjusted) == (1, 1)
