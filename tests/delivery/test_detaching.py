"""Who is slow leaves the live path, and nobody else does."""

from pieces import CRM, delivery, endpoint, lease

from offhook.delivery.engine.caution import Caution
from offhook.delivery.engine.detaching import LONG_S, Detacher
from offhook.delivery.engine.flow import PartitionFlow
from offhook.delivery.engine.sending import Sends
from offhook.delivery.outgoing.sender import Sender
from offhook.delivery.queueing.progress import Progress
from offhook.delivery.queueing.queues import Delivery, Queues
from offhook.model.ids import WebhookId
from offhook.testing.clock import FakeClock
from offhook.testing.network import Gate, ScriptedNetwork

ADS = WebhookId("wh_ads")


class Desk:
    """A partition, whose endpoints take nothing unless told to."""

    def __init__(self) -> None:
        self.flow = PartitionFlow(lease())
        self.clock = FakeClock()
        self.queues = Queues()
        self.sends = Sends(
            sender=Sender(transport=ScriptedNetwork(Gate()), clock=self.clock),
            clock=self.clock,
            wake=lambda: None,
            in_flight=4,
        )
        self.detacher = Detacher(queues=self.queues, sends=self.sends, clock=self.clock)

    def read(self, position: int, webhook: WebhookId = CRM) -> Delivery:
        made = delivery(position, f"k{position}", reader=self.flow.live, webhook=webhook)
        self.flow.begin(made)
        self.offer(made)
        self.flow.live.read(position)
        return made

    def offer(self, made: Delivery) -> None:
        queue = self.queues.of(endpoint(made.webhook.removeprefix("wh_")))
        queue.offer(made)
        self.queues.stir(queue)

    def look(self, after_s: float = LONG_S) -> list[WebhookId]:
        """The endpoints that have a range of their own then."""
        self.clock.advance(after_s)
        self.detacher.run([self.flow])
        return sorted(self.flow.ranges)


def test_what_waits_since_the_look_before_is_detached_with_all_of_its_endpoint() -> None:
    desk = Desk()
    slow = desk.read(1)
    assert desk.look() == []
    later, others = desk.read(7), desk.read(9, ADS)
    assert desk.look(LONG_S - 1) == []
    assert desk.look(1) == [CRM]
    assert {slow.reader, later.reader} == {desk.flow.ranges[CRM].progress}
    assert others.reader is desk.flow.live
    assert desk.flow.live.done_to() == 8


def test_a_burst_that_is_over_by_the_next_look_costs_nothing() -> None:
    desk = Desk()
    burst = [desk.read(position) for position in range(1, 9)]
    desk.look()
    for each in burst:
        desk.flow.accept(each)
    desk.read(9)
    assert desk.look() == []


async def test_what_is_in_flight_is_detached_too() -> None:
    desk = Desk()
    slow = desk.read(1)
    turn = desk.queues.next(0.0)
    assert turn is not None
    desk.sends.start(*turn)
    desk.flow.live.read(20)
    desk.look()
    assert desk.look() == [CRM]
    assert slow.reader is desk.flow.ranges[CRM].progress
    assert desk.flow.live.done_to() == 20
    await desk.sends.finish(0)


def test_rows_and_replays_are_not_the_live_readers_to_hand_over() -> None:
    desk = Desk()
    replay = Progress(0)
    rowed, replayed = delivery(1), delivery(2, "b", reader=replay)
    for each in (rowed, replayed):
        desk.flow.begin(each)
        desk.offer(each)
    desk.read(3)
    desk.look()
    assert desk.look() == [CRM]
    assert (rowed.reader, replayed.reader) == (None, replay)


def test_an_owner_that_is_cautious_waits() -> None:
    desk = Desk()
    desk.flow.caution = Caution.after(0, 3, None)
    desk.read(1)
    desk.look()
    assert desk.look() == []
    assert not desk.flow.live.idle
