"""What may be dialled, where to, and for how much."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marhaba.kernel.numbers import Dialling, Route, Spend, is_dialled, normalise


@pytest.mark.parametrize("text", ["0539000000", "+212539000000", "*10", "#", "1" * 32])
def test_what_a_telephone_can_dial(text: str) -> None:
    assert is_dialled(text)


@pytest.mark.parametrize(
    "text", ["", "1" * 33, "500&PJSIP/itsp/1416", "0539\n", "٠٥", "a", "sip:x@y", "12 34"]
)
def test_what_it_cannot(text: str) -> None:
    assert not is_dialled(text)


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("0539 00-00.00", "MA", "+212539000000"),
        ("00212539000000", "FR", "+212539000000"),
        ("+33 1 23 45 67 89", "MA", "+33123456789"),
        ("01 23 45 67 89", "FR", "+33123456789"),
        ("612345678", "ES", "+34612345678"),
        ("539000000", "MA", None),
        ("0439000000", "MA", None),
        ("05390000001", "MA", None),
        ("412345678", "ES", None),
        ("0034 612 345 678", "MA", "+34612345678"),
        ("+33 (0)1 23 45 67 89", "MA", "+33123456789"),
        ("+212 (0)5 39 00 00 00", "FR", "+212539000000"),
        ("+33 0 12 34 56 78", "FR", None),
        ("+212 4 39 00 00 00", "MA", None),
        ("+33 1 23 45 67 8", "FR", None),
        ("+44 20 7946 0018", "MA", "+442079460018"),
        ("+0123456789", "MA", None),
        ("+12", "MA", None),
        ("+" + "1" * 16, "MA", None),
        ("anonymous", "MA", None),
        ("+٣٤٦١٢٣٤٥٦٧٨", "ES", None),
        ("", "ES", None),
    ],
)
def test_the_international_form(text: str, country: str, number: str | None) -> None:
    assert normalise(text, country=country) == number


@given(st.text(max_size=40), st.sampled_from(["MA", "FR", "ES"]))
def test_normalising_twice_changes_nothing(text: str, country: str) -> None:
    number = normalise(text, country=country)
    if number is not None:
        assert is_dialled(number)
        assert normalise(number, country=country) == number


def test_the_longest_prefix_wins_and_the_rest_is_closed() -> None:
    wide, narrow = Route("+212", ("a", "b")), Route("+2125", ("c",), per_minute=0.1)
    table = Dialling([wide, narrow])
    assert table.route("+212539000000") is narrow
    assert table.route("+212661000000") is wide
    assert table.route("+33123456789") is None
    assert Dialling().route("+212539000000") is None


@pytest.mark.parametrize(
    "number",
    [
        "+212890000000",
        "+33891234567",
        "+33812345678",
        "+34806123456",
        "+34905123456",
        "+882161234567",
        "+97912345678",
    ],
)
def test_premium_ranges_need_a_route_of_their_own(number: str) -> None:
    for wide in ("+", number[:3]):
        assert Dialling([Route(wide, ("a",))]).route(number) is None
    opened = Route(number[:6], ("a",))
    assert Dialling([Route(number[:3], ("b",)), opened]).route(number) is opened


@pytest.mark.parametrize(
    "number", ["+33366123456", "+33801234567", "+34900123456", "+212801234567", "+8801712345678"]
)
def test_ordinary_and_free_numbers_beside_them_stay_open(number: str) -> None:
    route = Route("+", ("a",))
    assert Dialling([route]).route(number) is route


def test_a_route_without_trunks_closes_what_a_wider_one_opens() -> None:
    wide = Route("+34", ("a", "b"))
    table = Dialling([wide, Route("+346", ())])
    assert table.route("+34600000000") is None
    assert table.route("+34910000000") is wide
    assert table.route("") is None


def test_a_route_tries_its_trunks_in_order() -> None:
    route = Dialling([Route("+212", ("near", "spare"))]).route("+212539000000")
    assert route is not None
    assert route.trunks == ("near", "spare")


MOROCCO = Route("+212", ("a",), per_minute=0.5)
SPAIN = Route("+34", ("a",), per_minute=2.0, concurrent_max=1)


def test_calls_at_once_have_a_cap_and_a_route_may_have_its_own() -> None:
    spend = Spend(concurrent_max=3, hourly_max=100.0)
    spend.start(0.0, "c1", SPAIN)
    assert spend.refusal(0.0, SPAIN) == "route"
    assert spend.refusal(0.0, MOROCCO) == ""
    spend.start(0.0, "c2", MOROCCO)
    spend.start(0.0, "c3", MOROCCO)
    assert spend.refusal(0.0, MOROCCO) == "calls"
    assert spend.concurrent == 3
    spend.end(10.0, "c1")
    assert spend.refusal(10.0, SPAIN) == ""


def test_every_started_minute_costs_in_full() -> None:
    spend = Spend(concurrent_max=9, hourly_max=100.0)
    for seconds, cost in ((0.0, 2.0), (1.0, 2.0), (60.0, 2.0), (60.1, 4.0), (600.0, 20.0)):
        spend.start(50.0, "c", SPAIN)
        assert spend.end(50.0 + seconds, "c") == cost
    assert spend.end(50.0, "c") == 0.0
    assert spend.end(50.0, "never") == 0.0


def test_money_in_the_last_hour_has_a_cap_and_calls_in_progress_count() -> None:
    spend = Spend(concurrent_max=9, hourly_max=10.0)
    spend.start(0.0, "long", SPAIN)
    assert spend.last_hour(181.0) == 8.0
    assert spend.refusal(181.0, SPAIN) == "route"
    assert spend.refusal(181.0, MOROCCO) == ""
    assert spend.refusal(241.0, MOROCCO) == "money"
    assert spend.end(241.0, "long") == 10.0
    assert spend.last_hour(241.0 + 3599.0) == 10.0
    assert spend.refusal(241.0 + 3599.0, SPAIN) == "money"
    assert spend.last_hour(241.0 + 3600.0) == 0.0
    assert spend.refusal(241.0 + 3600.0, SPAIN) == ""


def test_a_call_is_paid_for_once() -> None:
    spend = Spend(concurrent_max=9, hourly_max=10.0)
    spend.start(0.0, "c", SPAIN)
    with pytest.raises(AssertionError):
        spend.start(0.0, "c", SPAIN)


@given(st.lists(st.tuples(st.floats(0, 200), st.integers(0, 3)), max_size=40))
def test_what_is_spent_never_shrinks_within_the_hour(steps: list[tuple[float, int]]) -> None:
    """I15: calls begin and end, time goes on, and the sum only grows until the hour is over."""
    spend, now, before = Spend(concurrent_max=4, hourly_max=1e9), 0.0, 0.0
    running: set[str] = set()
    for seconds, which in steps:
        now += seconds
        if now >= 3600.0:
            break
        call = f"c{which}"
        if call in running:
            running.remove(call)
            spend.end(now, call)
        else:
            running.add(call)
            spend.start(now, call, MOROCCO)
        assert spend.concurrent == len(running)
        assert spend.last_hour(now) >= before
        before = spend.last_hour(now)
