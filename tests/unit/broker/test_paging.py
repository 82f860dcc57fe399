from __future__ import annotations

from datetime import UTC, datetime, timedelta

from runner.broker.paging import ACTIVITIES_PAGE, ORDERS_PAGE, all_activities, all_orders
from runner.effects import Answer, Json, Problem, Reason, Status

START = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
DOWN = Answer(Status.UNAVAILABLE, problem=Problem(Reason.TIMEOUT, "late"))


class Orders:
    """A broker with `count` open orders, `each` of them submitted in the same microsecond."""

    def __init__(self, count: int, each: int = 1) -> None:
        self.pages = 0
        self.orders: list[dict[str, Json]] = [
            {
                "id": f"order-{i}",
                "submitted_at": f"{(START + timedelta(microseconds=i // each)).isoformat()}",
            }
            for i in range(count)
        ]

    def page_after(self, after: datetime | None) -> Answer:
        self.pages += 1
        later: list[Json] = [
            order
            for order in self.orders
            if after is None or datetime.fromisoformat(str(order["submitted_at"])) > after
        ]
        return Answer(Status.OK, {"orders": later[:ORDERS_PAGE]})


def ids(answer: Answer) -> list[str]:
    orders = answer.data["orders"]
    assert isinstance(orders, list)
    return [str(order["id"]) for order in orders if isinstance(order, dict)]


def test_a_short_list_is_one_page() -> None:
    broker = Orders(ORDERS_PAGE - 1)
    assert len(ids(all_orders(broker.page_after))) == ORDERS_PAGE - 1
    assert broker.pages == 1


def test_no_order_is_lost_or_repeated_where_pages_meet() -> None:
    for count in (ORDERS_PAGE, ORDERS_PAGE + 1, 3 * ORDERS_PAGE + 7):
        broker = Orders(count, each=7)
        assert ids(all_orders(broker.page_after)) == [order["id"] for order in broker.orders]


def test_a_list_that_cannot_be_read_to_its_end_is_unavailable() -> None:
    same_moment = Orders(ORDERS_PAGE + 1, each=10_000)
    answer = all_orders(same_moment.page_after)
    assert answer.status is Status.UNAVAILABLE
    assert answer.problem is not None
    assert "read to its end" in answer.problem.message
    undated: list[Json] = [{"id": str(i), "submitted_at": None} for i in range(ORDERS_PAGE)]
    page = Answer(Status.OK, {"orders": undated})
    assert all_orders(lambda after: page).status is Status.UNAVAILABLE


def test_an_order_without_an_id_is_not_dropped_silently() -> None:
    page = Answer(Status.OK, {"orders": [{"symbol": "A"}, {"symbol": "B"}]})
    assert all_orders(lambda after: page).status is Status.UNAVAILABLE


def test_a_page_that_fails_fails_the_whole() -> None:
    broker = Orders(2 * ORDERS_PAGE)

    def page_after(after: datetime | None) -> Answer:
        return broker.page_after(after) if after is None else DOWN

    assert all_orders(page_after) == DOWN


def test_activities_follow_the_last_id() -> None:
    known: list[Json] = [{"id": f"a{i:04}"} for i in range(2 * ACTIVITIES_PAGE + 3)]
    tokens: list[str | None] = []

    def page_from(token: str | None) -> Answer:
        tokens.append(token)
        start = 0 if token is None else int(token[1:]) + 1
        return Answer(Status.OK, {"activities": known[start : start + ACTIVITIES_PAGE]})

    answer = all_activities(page_from)
    assert answer.data == {"activities": known}
    assert tokens == [None, "a0099", "a0199"]


def test_a_server_that_ignores_the_page_token_does_not_pass_for_the_end() -> None:
    page = Answer(Status.OK, {"activities": [{"id": str(i)} for i in range(ACTIVITIES_PAGE)]})
    assert all_activities(lambda token: page).status is Status.UNAVAILABLE


def test_activities_without_an_end_are_unavailable() -> None:
    counter = iter(range(1_000_000))

    def page_from(token: str | None) -> Answer:
        page: list[Json] = [{"id": str(next(counter))} for _ in range(ACTIVITIES_PAGE)]
        return Answer(Status.OK, {"activities": page})

    assert all_activities(page_from).status is Status.UNAVAILABLE
