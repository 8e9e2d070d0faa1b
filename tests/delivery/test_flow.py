"""A partition as its owner sees it: cursor, closed lanes, ranges, rows that are not written yet."""

from collections.abc import Callable

import pytest
from msgspec import structs
from pieces import CRM, delivery, endpoint, lease

from offhook.delivery.engine.flow import CLOSED_LANES_BOUND, PartitionFlow
from offhook.delivery.entries import (
    ApplyReport,
    HeldRange,
    Lane,
    PartitionChanges,
    PendingRow,
    PendingState,
)
from offhook.delivery.queueing.progress import LivePath, Range
from offhook.delivery.queueing.queues import Delivery
from offhook.model.ids import WebhookId

LANE = Lane(CRM, "a")
ADS = WebhookId("wh_ads")


def freeze(flow: PartitionFlow) -> PartitionChanges:
    frozen = flow.freeze(places=True)
    assert frozen is not None
    return frozen


def read(flow: PartitionFlow, position: int, key: str = "a") -> Delivery:
    """A delivery that the live reader just took from the log, under way."""
    made = delivery(position, key, reader=flow.live)
    flow.begin(made)
    flow.live.read(position)
    return made


def fail(flow: PartitionFlow, position: int, key: str = "a") -> None:
    flow.retry(read(flow, position, key), endpoint(), 5_000, "status 503")


def behind(read_to: int) -> tuple[PartitionFlow, Range]:
    """An endpoint that fell behind long ago, and its range; a search for a probe has begun."""
    flow = PartitionFlow(lease(40), held=[HeldRange(CRM, 0, 1)])
    flow.live.read(100)
    held = flow.ranges[CRM]
    held.progress.read(read_to)
    held.seek_from(1, 100)
    return flow, held


def waiting(position: int, key: str = "a") -> PendingRow:
    """A row that stands in the lane of its key."""
    flow = PartitionFlow(lease())
    flow.wait_behind(delivery(position, key, reader=flow.live))
    [row] = freeze(flow).rows
    return row


class TestLanes:
    def test_a_failure_closes_its_lane_until_the_store_can_tell(self) -> None:
        flow = PartitionFlow(lease())
        fail(flow, 5)
        assert flow.closing(LANE)
        assert not flow.closing(Lane(CRM, "b"))
        freeze(flow)
        assert flow.closing(LANE)
        flow.applied(ApplyReport(closed=frozenset({LANE})), now_ms=0, now_s=0.0)
        assert not flow.closing(LANE)
        assert flow.may_be_closed(CRM)

    def test_only_a_later_one_of_the_lane_is_overtaken_by_unwritten_rows(self) -> None:
        flow = PartitionFlow(lease())
        fail(flow, 5)
        overtaken = [flow.overtakes(LANE, position) for position in (4, 5, 6)]
        assert overtaken == [False, False, True]
        freeze(flow)
        assert flow.overtakes(LANE, 6)
        assert not flow.overtakes(Lane(CRM, "b"), 6)

    def test_lanes_are_counted_as_the_store_reports_them_and_only_this_partitions(self) -> None:
        flow = PartitionFlow(lease())
        fail(flow, 5)
        freeze(flow)
        elsewhere = Lane(ADS, "of another partition")
        flow.applied(ApplyReport(closed=frozenset({LANE, elsewhere})), now_ms=0, now_s=0.0)
        assert flow.may_be_closed(CRM)
        assert not flow.may_be_closed(ADS)
        pending = delivery(5)
        flow.begin(pending)
        flow.accept(pending)
        freeze(flow)
        flow.applied(ApplyReport(opened=frozenset({LANE})), now_ms=0, now_s=0.0)
        assert not flow.may_be_closed(CRM)

    def test_an_unordered_endpoint_closes_no_lane(self) -> None:
        flow = PartitionFlow(lease())
        flow.retry(read(flow, 5), endpoint(ordered=False), 5_000, "status 503")
        assert not flow.closing(LANE)
        [row] = freeze(flow).rows
        assert (row.lane, row.key, row.due_ms) == (None, "a", 5_000)

    def test_too_many_closed_lanes_stop_the_reading(self) -> None:
        flow = PartitionFlow(lease(), lane_counts={CRM: CLOSED_LANES_BOUND})
        assert flow.lanes_bound_reached(CRM)
        flow.recount({CRM: CLOSED_LANES_BOUND - 1})
        assert not flow.lanes_bound_reached(CRM)

    def test_rows_of_the_owner_before_are_read_up_to_however_many_lanes_are_closed(self) -> None:
        counts = {CRM: CLOSED_LANES_BOUND}
        flow = PartitionFlow(lease(40), lane_counts=counts, settled={(CRM, 90), (ADS, 95)})
        assert not flow.lanes_bound_reached(CRM)
        flow.live.read(90)
        assert flow.lanes_bound_reached(CRM)

    def test_so_is_what_was_taken_ahead_to_probe_with(self) -> None:
        flow = PartitionFlow(lease(40), lane_counts={CRM: CLOSED_LANES_BOUND})
        flow.take_ahead(CRM, 90)
        assert not flow.lanes_bound_reached(CRM)
        flow.live.read(90)
        assert flow.lanes_bound_reached(CRM)


class TestProbing:
    """Whether a row may probe before the range is read up to it."""

    def test_what_may_have_something_earlier_of_its_lane_comes_too_soon(self) -> None:
        flow, held = behind(read_to=40)
        assert flow.probes_too_soon(waiting(90), 1)
        assert not flow.probes_too_soon(waiting(40), 1)
        held.sought(through=80, end=100)
        assert flow.probes_too_soon(waiting(90), 1)

    def test_what_was_gone_past_without_leaving_anything_earlier_does_not(self) -> None:
        flow, held = behind(read_to=40)
        held.search.pass_over("b", 60)
        held.sought(through=95, end=100)
        assert not flow.probes_too_soon(waiting(90), 1)
        assert not flow.probes_too_soon(waiting(50, "b"), 1)
        assert flow.probes_too_soon(waiting(70, "b"), 1)

    def test_what_was_taken_ahead_does_not_though_its_endpoint_was_changed_since(self) -> None:
        flow, held = behind(read_to=40)
        held.sought(through=95, end=100)
        assert flow.probes_too_soon(waiting(90), 2)
        flow.take_ahead(CRM, 90)
        assert not flow.probes_too_soon(waiting(90), 2)

    def test_what_overtakes_a_row_that_is_not_written_yet_does_whatever_was_read(self) -> None:
        flow, _ = behind(read_to=95)
        assert not flow.probes_too_soon(waiting(90), 1)
        fail(flow, 41)
        assert flow.probes_too_soon(waiting(90), 1)

    def test_what_is_out_of_its_lane_never_does(self) -> None:
        flow, _ = behind(read_to=40)
        assert not flow.probes_too_soon(structs.replace(waiting(90), lane=None), 1)


class TestWriting:
    def test_nothing_decided_is_nothing_to_write(self) -> None:
        flow = PartitionFlow(lease(7))
        assert flow.freeze(places=True) is None
        assert flow.clean

    def test_a_cursor_is_written_alone_only_when_asked_for(self) -> None:
        flow = PartitionFlow(lease(7))
        flow.live.read(20)
        assert flow.freeze(places=False) is None
        assert freeze(flow).cursor == 20
        assert flow.freeze(places=True) is None

    def test_with_results_it_is_written_once_it_moved_at_all_and_then_only_when_asked_for(
        self,
    ) -> None:
        flow = PartitionFlow(lease(7))
        for position, places, cursor in ((8, False, 8), (9, False, 8), (10, True, 10)):
            fail(flow, position)
            frozen = flow.freeze(places=places)
            assert frozen is not None
            assert (len(frozen.rows), frozen.cursor) == (1, cursor)
            flow.applied(ApplyReport(), now_ms=0, now_s=0.0)

    def test_the_cursor_stays_below_what_is_under_way(self) -> None:
        flow = PartitionFlow(lease())
        first, second = read(flow, 1), read(flow, 2, "b")
        flow.accept(second)
        flow.live.read(9)
        assert flow.freeze(places=True) is None
        flow.accept(first)
        assert freeze(flow).cursor == 9

    def test_a_row_under_way_is_busy_until_its_outcome_is_in_the_store(self) -> None:
        flow = PartitionFlow(lease())
        pending = delivery(5)
        flow.begin(pending)
        flow.accept(pending)
        assert freeze(flow).settled == ((CRM, 5),)
        assert flow.busy == {(CRM, 5)}
        flow.applied(ApplyReport(), now_ms=0, now_s=0.0)
        assert flow.busy == set()

    @pytest.mark.parametrize(("looked_at_s", "next_s"), [(0.099, 0.099), (9.0, 5.0)])
    def test_a_row_is_looked_for_when_it_falls_due(self, looked_at_s: float, next_s: float) -> None:
        flow = PartitionFlow(lease())
        flow.look_at_s = looked_at_s
        fail(flow, 5)
        freeze(flow)
        flow.applied(ApplyReport(), now_ms=0, now_s=0.0)
        assert flow.look_at_s == next_s

    @pytest.mark.parametrize(
        "happens",
        [
            lambda flow, pending: flow.accept(pending),
            lambda flow, pending: flow.park(pending, endpoint(), PendingState.FAILED, "why", 1),
            lambda flow, pending: flow.let_go(pending),
            lambda flow, pending: flow.wait_behind(pending),
        ],
        ids=["accepted", "given up", "let go", "waiting"],
    )
    def test_rows_that_may_go_on_are_looked_for_at_once(
        self, happens: Callable[[PartitionFlow, Delivery], None]
    ) -> None:
        flow = PartitionFlow(lease())
        flow.look_at_s = 99.0
        fail(flow, 5)
        pending = delivery(6)
        flow.begin(pending)
        happens(flow, pending)
        freeze(flow)
        flow.applied(ApplyReport(), now_ms=0, now_s=0.0)
        assert flow.look_at_s == 0.0

    def test_it_says_whether_something_of_it_is_being_written(self) -> None:
        flow = PartitionFlow(lease())
        assert not flow.applying
        fail(flow, 5)
        freeze(flow)
        assert flow.applying
        flow.applied(ApplyReport(), now_ms=0, now_s=0.0)
        assert not flow.applying

    def test_what_was_settled_before_is_skipped_once(self) -> None:
        flow = PartitionFlow(lease(), settled={(CRM, 5)})
        assert [flow.was_settled(CRM, at) for at in (4, 5, 5)] == [False, True, False]

    def test_what_is_given_up_leaves_a_row_outside_an_open_lane_and_inside_a_closed_one(
        self,
    ) -> None:
        flow = PartitionFlow(lease())
        flow.park(read(flow, 5), endpoint(), PendingState.FAILED, "status 404", attempts=1)
        pending = delivery(6, attempts=2)
        flow.begin(pending)
        flow.park(pending, endpoint(), PendingState.FAILED, "status 404", attempts=3)
        rows = freeze(flow).rows
        assert [(row.position, row.lane, row.number) for row in rows] == [(5, None, 1), (6, "a", 3)]
        assert not flow.closing(LANE)


class TestTheLivePath:
    def test_what_is_still_to_be_read_for_an_endpoint_is_ahead_and_what_was_read_past_it_is_not(
        self,
    ) -> None:
        flow = PartitionFlow(lease(3))
        read(flow, 4)
        flow.live.read(20)
        assert flow.live_path(CRM, 4) is LivePath.AHEAD
        assert [flow.live_path(ADS, position) for position in (3, 4, 20)] == [LivePath.PASSED] * 3
        assert flow.live_path(ADS, 21) is LivePath.AHEAD

    def test_of_an_endpoint_that_fell_behind_what_its_range_has_not_read_is_ahead(self) -> None:
        flow = PartitionFlow(lease())
        flow.hold(CRM, 5)
        flow.live.read(20)
        flow.ranges[CRM].progress.read(8)
        assert flow.live_path(CRM, 8) is LivePath.PASSED
        assert flow.live_path(CRM, 9) is LivePath.AHEAD

    def test_an_outcome_is_to_come_until_it_is_in_the_store(self) -> None:
        flow = PartitionFlow(lease())
        flow.accept(read(flow, 4))
        fail(flow, 5, "b")
        behind = delivery(6, "b", reader=flow.live)
        flow.wait_behind(behind)
        flow.live.read(6)
        flow.begin(delivery(3))
        places = (3, 4, 5, 6)
        assert [flow.live_path(CRM, at) for at in places] == [LivePath.ENDING] * 4
        freeze(flow)
        assert [flow.live_path(CRM, at) for at in places] == [LivePath.ENDING] * 4
        flow.applied(ApplyReport(), now_ms=0, now_s=0.0)
        assert [flow.live_path(CRM, at) for at in places[1:]] == [LivePath.PASSED] * 3
        assert flow.live_path(CRM, 3) is LivePath.ENDING

    def test_what_is_in_flight_to_an_endpoint_that_went_is_about_to_end(self) -> None:
        flow = PartitionFlow(lease())
        in_flight, of_another = read(flow, 4), delivery(4, reader=flow.live, webhook=ADS)
        flow.begin(of_another)
        flow.part_with(CRM)
        found = [flow.live_path(webhook, 4) for webhook in (CRM, ADS)]
        assert found == [LivePath.ENDING, LivePath.AHEAD]
        flow.park(in_flight, endpoint(), PendingState.CANCELED, "gone", attempts=1)
        freeze(flow)
        flow.applied(ApplyReport(), now_ms=0, now_s=0.0)
        assert flow.live_path(CRM, 4) is LivePath.PASSED

    def test_a_row_that_was_under_way_and_let_go_alone_is_not_busy_for_ever(self) -> None:
        flow = PartitionFlow(lease())
        taken = delivery(4)
        flow.begin(taken)
        flow.let_go(taken)
        frozen = flow.freeze(places=False)
        assert frozen is not None
        flow.applied(ApplyReport(), now_ms=0, now_s=0.0)
        assert not flow.busy


class TestRanges:
    def test_an_endpoint_that_falls_behind_leaves_the_live_path_with_the_cursor(self) -> None:
        flow = PartitionFlow(lease())
        flow.hold(CRM, 8)
        flow.live.read(20)
        frozen = freeze(flow)
        assert (frozen.cursor, frozen.held) == (20, (HeldRange(CRM, 0, 8),))
        assert flow.behind(CRM)
        assert (flow.read_to(CRM), flow.read_to(ADS)) == (7, 20)

    def test_its_range_moves_with_what_it_settled_and_goes_once_it_met_the_live_place(self) -> None:
        flow = PartitionFlow(lease())
        flow.hold(CRM, 8)
        flow.live.read(20)
        freeze(flow)
        held = flow.ranges[CRM]
        last = delivery(15, reader=held.progress)
        flow.begin(last)
        held.progress.read(20)
        held.met = True
        assert freeze(flow).held == (HeldRange(CRM, 0, 15),)
        assert not flow.behind(CRM)
        flow.accept(last)
        frozen = freeze(flow)
        assert (frozen.held, frozen.met) == ((), (CRM,))
        assert flow.ranges == {}

    def test_one_that_falls_behind_again_goes_on_from_there(self) -> None:
        flow = PartitionFlow(lease())
        flow.hold(CRM, 8)
        flow.ranges[CRM].progress.read(20)
        flow.ranges[CRM].met = True
        flow.hold(CRM, 31)
        assert flow.behind(CRM)
        assert flow.read_to(CRM) == 30
        assert freeze(flow).held == (HeldRange(CRM, 0, 31),)

    def test_a_range_of_the_owner_before_begins_with_what_that_one_had_in_memory(self) -> None:
        flow = PartitionFlow(lease(40), held=[HeldRange(CRM, 0, 100)])
        assert flow.read_to(CRM) == 40
        assert freeze(flow).held == (HeldRange(CRM, 0, 41),)

    def test_a_range_that_begins_before_the_cursor_stays_there(self) -> None:
        flow = PartitionFlow(lease(40), held=[HeldRange(CRM, 0, 20)])
        assert flow.read_to(CRM) == 19
        assert flow.freeze(places=True) is None

    def test_what_is_slow_moves_to_the_endpoints_range_and_the_cursor_goes_on(self) -> None:
        flow = PartitionFlow(lease())
        first, second = read(flow, 3), read(flow, 5, "b")
        flow.live.read(20)
        flow.detach(CRM, [second, first])
        frozen = freeze(flow)
        assert (frozen.cursor, frozen.held) == (20, (HeldRange(CRM, 0, 3),))
        assert not flow.behind(CRM)
        flow.accept(first)
        assert freeze(flow).held == (HeldRange(CRM, 0, 5),)
        flow.accept(second)
        assert freeze(flow).met == (CRM,)

    def test_a_range_that_is_read_already_goes_back_for_what_is_slow_before_it(self) -> None:
        flow = PartitionFlow(lease())
        slow = read(flow, 3)
        flow.hold(CRM, 8)
        flow.live.read(20)
        flow.begin(delivery(9, "b", reader=flow.ranges[CRM].progress))
        flow.ranges[CRM].progress.read(12)
        flow.detach(CRM, [slow])
        frozen = freeze(flow)
        assert (frozen.cursor, frozen.held) == (20, (HeldRange(CRM, 0, 3),))
        assert flow.behind(CRM)
        flow.accept(slow)
        assert freeze(flow).held == (HeldRange(CRM, 0, 9),)

    def test_a_detached_endpoint_falls_behind_as_any_other(self) -> None:
        flow = PartitionFlow(lease())
        slow = read(flow, 3)
        flow.detach(CRM, [slow])
        flow.hold(CRM, 8)
        assert (flow.behind(CRM), flow.read_to(CRM)) == (True, 7)
        flow.live.read(20)
        flow.accept(slow)
        assert freeze(flow).held == (HeldRange(CRM, 0, 8),)

    def test_the_range_of_an_endpoint_that_is_gone_ends(self) -> None:
        flow = PartitionFlow(lease(), held=[HeldRange(CRM, 0, 1)])
        flow.end_range(CRM)
        flow.end_range(ADS)
        assert freeze(flow).met == (CRM,)


def test_a_range_that_goes_back_to_the_cursor_is_stored_with_the_cursors_first_step() -> None:
    """Else an owner that dies right then leaves what lies between to nobody."""
    taken_over = lease(cursor=13)
    flow = PartitionFlow(taken_over, held=[HeldRange(CRM, taken_over.partition, 17)])
    flow.live.read(78)
    flow.park(delivery(20), endpoint(), PendingState.FAILED, "refused", attempts=1)
    frozen = flow.freeze(places=False)
    assert frozen is not None
    assert (frozen.cursor, [it.from_position for it in frozen.held]) == (78, [14])
