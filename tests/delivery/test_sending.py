"""Sends under way: begun only if they still may, and known until what came of them is collected."""

import asyncio

from pieces import delivery, endpoint

from offhook.delivery.engine.sending import Sends
from offhook.delivery.outgoing.sender import Sender
from offhook.delivery.queueing.queues import EndpointQueue
from offhook.testing.clock import FakeClock
from offhook.testing.network import ScriptedNetwork


def sends(network: ScriptedNetwork, *, begin: bool = True) -> Sends:
    clock = FakeClock()
    return Sends(
        sender=Sender(transport=network, clock=clock),
        clock=clock,
        wake=lambda: None,
        in_flight=4,
        begins=lambda _queue, _delivery: begin,
    )


async def finished(made: Sends) -> None:
    while made.in_flight:
        await asyncio.sleep(0)


async def test_a_partition_is_busy_until_its_answers_are_collected() -> None:
    made = sends(ScriptedNetwork())
    made.start(EndpointQueue(endpoint()), delivery(1))
    assert made.busy_with(0)
    assert not made.busy_with(1)
    await finished(made)
    assert made.busy_with(0)
    assert len(made.collect()) == 1
    assert not made.busy_with(0)


async def test_what_may_not_begin_any_more_is_handed_back_unsent() -> None:
    network = ScriptedNetwork()
    made = sends(network, begin=False)
    queue, started = EndpointQueue(endpoint()), delivery(1)
    made.start(queue, started)
    await finished(made)
    assert made.busy_with(0)
    [unsent] = made.collect_unsent()
    assert (unsent.queue, unsent.delivery) == (queue, started)
    assert (made.busy_with(0), made.collect(), network.requests) == (False, [], [])
