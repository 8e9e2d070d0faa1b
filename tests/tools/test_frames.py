"""A stream is read the same in whatever pieces it comes, and never goes on from half a frame."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from offhook.api.stream import sse
from offhook.model.event import LogEvent
from offhook.model.ids import AccountId, EventId
from offhook.tools.frames import Frame, FrameReader

STREAM = (
    b"retry: 2000\nid: c0\n\n"
    b'id: c1\nevent: call.started\ndata: {"id":"evt_1"}\n\n'
    b": still here\nid: c2\n\n"
    b"id: c3\r\ndata: two\r\ndata:lines\r\n\r\n"
)
FRAMES = [Frame("c1", b'{"id":"evt_1"}'), Frame("c3", b"two\nlines")]


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_pieces_of_any_size_give_the_same_frames(cuts: list[int]) -> None:
    reader = FrameReader()
    places = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[a:b] for a, b in pairwise(places)]
    assert [frame for piece in pieces for frame in reader.feed(piece)] == FRAMES
    assert (reader.last_id, reader.retry_ms) == ("c3", 2000)


@given(end=st.integers(0, len(STREAM)))
def test_wherever_it_breaks_off_the_id_is_that_of_the_last_whole_frame(end: int) -> None:
    reader = FrameReader("before")
    frames = list(reader.feed(STREAM[:end]))
    whole = {0: "before", 1: "c0", 2: "c1", 3: "c2", 4: "c3"}
    seen = STREAM[:end].count(b"\n\n") + STREAM[:end].count(b"\n\r\n")
    assert reader.last_id == whole[seen]
    assert frames == FRAMES[: len(frames)]


def test_what_the_server_writes_is_what_is_read() -> None:
    event = LogEvent(
        partition=0,
        position=1,
        id=EventId("evt_1"),
        account=AccountId("acc"),
        type="custom.a",
        key="k",
        sequence=1,
        created_ms=0,
        test=True,
        historical=False,
        headers=None,
        data=b'{"text":"\\n\xc3\xa9"}',
    )
    body = sse.body(event)
    reader = FrameReader()
    [frame] = reader.feed(sse.opening("a") + sse.frame("b", body) + sse.comment("c"))
    assert frame.data + b"\n\n" == body.split(b"data: ", 1)[1]
    assert (frame.id, reader.last_id) == ("b", "c")
