"""Files of calls: every row is read as it stands, or told why not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.integrations.files import MAX_FIELD_CHARS, BrokenRow, Row, open_table
from offhook.model.errors import Invalid, Unreadable


def read(path: Path) -> tuple[str, str, list[Row | BrokenRow]]:
    with open_table(path) as table:
        return table.encoding, table.delimiter, list(table.rows())


def written(folder: Path, content: bytes | str, name: str = "calls.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "delimiter"),
    [
        ("calls.csv", "a,b\r\n1,2\r\n", ","),
        ("calls.csv", "a;b\n1;2\n", ";"),
        ("calls.csv", "a\tb\n1\t2\n", "\t"),
        ("calls.txt", "a|b\n1|2", "|"),
        ("calls.csv", '"a","b"\n"1","2"\n', ","),
        ("calls.tsv", "a\tb\r\n1\t2\r\n", "\t"),
        ("calls.csv", " a , b \n\n1,2\n\n", ","),
    ],
)
def test_delimiters_quotes_and_line_ends(tmp_path: Path, name: str, content: str, delimiter: str):
    _, found, rows = read(written(tmp_path, content, name))
    assert found == delimiter
    assert [row.record for row in rows if isinstance(row, Row)] == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("\ufeffname,x\nJosé,1\n".encode(), "utf-8"),
        ("name,x\nJosé,1\n".encode(), "utf-8"),
        ("name,x\nJosé,1\n".encode("cp1252"), "cp1252"),
    ],
)
def test_the_encoding_is_found_and_told(tmp_path: Path, content: bytes, encoding: str):
    found, _, rows = read(written(tmp_path, content))
    assert found == encoding
    assert rows == [Row(2, ("José", "1"), {"name": "José", "x": "1"})]


@pytest.mark.parametrize("content", ["a,b\n".encode("utf-16"), b"a,b\n\xff\x81\n"])
def test_a_file_that_is_no_such_text_is_refused(tmp_path: Path, content: bytes):
    with pytest.raises(Unreadable, match="save it as UTF-8"):
        read(written(tmp_path, content))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("", "first line is empty"),
        ("id,id", 'columns 1 and 2 are both "id"'),
        ("id,,x", "column 2 has no name"),
        ("id,\x20", "column 2 has no name"),
    ],
)
def test_a_header_names_each_column_once(tmp_path: Path, header: str, message: str):
    with pytest.raises(Invalid, match=message):
        read(written(tmp_path, f"{header}\n1,2\n"))


def test_rows_of_another_width_are_told_with_their_number(tmp_path: Path):
    _, _, rows = read(written(tmp_path, "a,b\n1\n2,3\n\n4,5,6\n"))
    assert rows == [
        BrokenRow(2, ("1",), "b", "", "the row has 1 fields, the header 2"),
        Row(3, ("2", "3"), {"a": "2", "b": "3"}),
        BrokenRow(5, ("4", "5", "6"), "column 3", "6", "the row has 3 fields, the header 2"),
    ]


def test_a_row_that_cannot_be_parsed_is_told_and_the_next_is_read(tmp_path: Path):
    _, _, rows = read(written(tmp_path, 'a,b\n"x"y,1\n2,3\n4,"open\n5,6\n'))
    broken = [row for row in rows if isinstance(row, BrokenRow)]
    assert [row.number for row in broken] == [2, 4]
    assert "line 2 of the file" in broken[0].reason
    assert "lines 4 to 5 of the file" in broken[1].reason
    assert rows[1] == Row(3, ("2", "3"), {"a": "2", "b": "3"})


def test_a_field_beyond_all_bounds_is_told_and_not_kept(tmp_path: Path):
    _, _, rows = read(written(tmp_path, f"a,b\n{'x' * (MAX_FIELD_CHARS + 1)},1\n2,3\n"))
    assert isinstance(rows[0], BrokenRow)
    assert "field larger" in rows[0].reason
    assert rows[1] == Row(3, ("2", "3"), {"a": "2", "b": "3"})


def test_a_quoted_field_may_span_lines(tmp_path: Path):
    _, _, rows = read(written(tmp_path, 'a,b\n"one\ntwo",1\n2,3\n'))
    assert [(row.number, row.cells) for row in rows] == [(2, ("one\ntwo", "1")), (3, ("2", "3"))]


@given(text=st.text(max_size=200))
def test_any_text_below_a_header_is_rows_and_broken_rows(
    tmp_path_factory: pytest.TempPathFactory, text: str
):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(b"a,b\n" + text.encode("utf-8", "replace"))
    _, _, rows = read(path)
    assert [row.number for row in rows] == sorted({row.number for row in rows})
