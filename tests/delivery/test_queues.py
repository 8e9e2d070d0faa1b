"""One in flight per key, many keys at once, and turns between endpoints."""

import pieces
from hypothesis import given
from hypothesis import strategies as st
from pieces import endpoint

from offhook.delivery.queueing.progress import Progress
from offhook.delivery.queueing.queues import (
    LANE_BOUND,
    QUEUE_BOUND,
    Delivery,
    EndpointQueue,
    Queues,
)
from offhook.model.ids import WebhookId

READER = Progress(0)


def delivery(key: str, position: int, webhook: str = "wh_crm") -> Delivery:
    return pieces.delivery(position, key, reader=READER, webhook=WebhookId(webhook))


def test_a_key_has_one_in_flight_and_the_next_goes_when_it_is_through() -> None:
    queue = EndpointQueue(endpoint())
    for position, key in enumerate("aab", start=1):
        queue.offer(delivery(key, position))
    assert [queue.take().event.position for _ in range(2)] == [1, 3]
    assert not queue.sendable
    queue.pass_on("a")
    assert queue.take().event.position == 2


def test_permits_bound_what_is_in_flight() -> None:
    queue = EndpointQueue(endpoint(max_in_flight=2))
    for position in range(1, 4):
        queue.offer(delivery(f"k{position}", position))
    queue.take()
    queue.take()
    assert not queue.sendable
    queue.pass_on("k1")
    assert queue.sendable


def test_a_failure_takes_out_what_waits_behind_it() -> None:
    queue = EndpointQueue(endpoint())
    for position, key in enumerate("aaab", start=1):
        queue.offer(delivery(key, position))
    queue.take()
    assert [behind.event.position for behind in queue.cut("a")] == [2, 3]
    assert queue.size == 1
    queue.offer(delivery("a", 9))
    assert [queue.take().event.position for _ in range(2)] == [4, 9]


def test_without_order_a_key_may_have_many_in_flight() -> None:
    queue = EndpointQueue(endpoint(ordered=False))
    for position in (1, 2):
        queue.offer(delivery("a", position))
    assert [queue.take().event.position for _ in range(2)] == [1, 2]


def test_where_order_is_asked_for_a_key_waits_for_all_that_were_sent_without() -> None:
    queue = EndpointQueue(endpoint(ordered=False))
    for position in (1, 2, 3):
        queue.offer(delivery("a", position))
    assert [queue.take().event.position for _ in range(2)] == [1, 2]
    queue.become(endpoint(ordered=True))
    queue.offer(delivery("a", 4))
    queue.offer(delivery("b", 5))
    assert queue.take().event.position == 5
    queue.pass_on("a")
    assert not queue.sendable
    queue.pass_on("a")
    assert queue.take().event.position == 3
    assert not queue.sendable
    queue.pass_on("a")
    assert queue.take().event.position == 4


def test_after_a_failure_among_those_sent_without_order_a_key_still_waits_for_the_rest() -> None:
    queue = EndpointQueue(endpoint(ordered=False))
    for position in (1, 2, 3):
        queue.offer(delivery("a", position))
    queue.take()
    queue.take()
    queue.become(endpoint(ordered=True))
    assert [behind.event.position for behind in queue.cut("a")] == [3]
    queue.offer(delivery("a", 3))
    assert not queue.sendable
    queue.pass_on("a")
    assert queue.take().event.position == 3


def test_what_was_not_begun_goes_first_once_nothing_of_its_key_is_in_flight() -> None:
    queue = EndpointQueue(endpoint(ordered=False))
    for position in (1, 2, 3):
        queue.offer(delivery("a", position))
    queue.take()
    second = queue.take()
    queue.become(endpoint(ordered=True))
    queue.put_back(second)
    assert not queue.sendable
    queue.pass_on("a")
    assert queue.take() is second
    assert not queue.sendable


def test_where_order_is_given_up_all_that_waits_may_go() -> None:
    queue = EndpointQueue(endpoint())
    for position in (1, 2, 3):
        queue.offer(delivery("a", position))
    queue.take()
    queue.become(endpoint(ordered=False))
    assert [queue.take().event.position for _ in range(2)] == [2, 3]


def test_bounds_are_told() -> None:
    queue = EndpointQueue(endpoint())
    for position in range(1, LANE_BOUND + 2):
        queue.offer(delivery("a", position))
    assert queue.lane_full("a")
    assert not queue.lane_full("b")
    assert queue.room == QUEUE_BOUND - LANE_BOUND - 1


def test_endpoints_take_turns() -> None:
    queues = Queues()
    for name in ("x", "y"):
        queue = queues.of(endpoint(name, max_in_flight=100))
        for position in range(1, 4):
            queue.offer(delivery(f"{name}{position}", position, f"wh_{name}"))
            queues.stir(queue)
    order = []
    while (turn := queues.next(0.0)) is not None:
        order.append(turn[1].webhook)
    assert order == ["wh_x", "wh_y"] * 3


def test_what_waits_for_an_endpoint_that_is_gone_is_handed_out() -> None:
    queues = Queues()
    queue = queues.of(endpoint())
    for position, key in enumerate("aab", start=1):
        queue.offer(delivery(key, position))
    queues.stir(queue)
    queue.take()
    gone = queues.close(WebhookId("wh_crm"))
    assert queue.closed
    assert sorted(each.event.position for each in gone) == [2, 3]
    assert queues.close(WebhookId("wh_crm")) == []
    assert queues.next(0.0) is None


def test_an_endpoint_that_comes_back_has_a_turn_of_its_own() -> None:
    queues = Queues()
    for position in (1, 2):
        queue = queues.of(endpoint())
        queue.offer(delivery("a", position))
        queues.stir(queue)
        if position == 1:
            queues.close(WebhookId("wh_crm"))
    turn = queues.next(0.0)
    assert turn is not None
    assert turn[1].event.position == 2


@given(st.lists(st.sampled_from("abc"), max_size=40), st.data())
def test_whatever_the_outcomes_each_key_is_taken_in_order_and_nothing_is_lost(
    keys: list[str], data: st.DataObject
) -> None:
    queue = EndpointQueue(endpoint(max_in_flight=3))
    for position, key in enumerate(keys, start=1):
        queue.offer(delivery(key, position))
    seen: list[int] = []
    flying: list[Delivery] = []
    while queue.sendable or flying:
        if queue.sendable and (not flying or data.draw(st.booleans())):
            taken = queue.take()
            assert taken.event.key not in {each.event.key for each in flying}
            flying.append(taken)
            continue
        done = flying.pop(data.draw(st.integers(0, len(flying) - 1)))
        seen.append(done.event.position)
        if data.draw(st.booleans()):
            queue.pass_on(done.event.key)
        else:
            seen.extend(each.event.position for each in queue.cut(done.event.key))
    assert sorted(seen) == list(range(1, len(keys) + 1))
    for key in "abc":
        of_key = [p for p in seen if keys[p - 1] == key]
        assert of_key == sorted(of_key)
    assert (queue.size, queue.in_flight) == (0, 0)
