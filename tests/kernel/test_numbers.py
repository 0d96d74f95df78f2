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
        ("512345678", "ES", None),
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


def test_premium_ranges_need_a_route_of_their_own() -> None:
    assert Dialling([Route("+212", ("a",))]).route("+212890000000") is None
    assert Dialling([Route("+", ("a",))]).route("+33891234567") is None
    opened = Route("+21289", ("a",))
    assert Dialling([Route("+212", ("a",)), opened]).route("+212890000000") is opened


def test_calls_at_once_and_money_an_hour_have_caps() -> None:
    spend = Spend(concurrent_max=2, hourly_max=10.0)
    assert spend.may_start(0.0)
    spend.start()
    spend.start()
    assert not spend.may_start(0.0)
    spend.end(0.0, 6.0)
    spend.end(100.0, 5.0)
    spend.end(100.0, 0.0)
    assert spend.current == 0
    assert not spend.may_start(200.0)
    assert spend.last_hour(3600.0) == 5.0
    assert spend.may_start(3600.0)
