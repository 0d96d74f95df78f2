"""What a queue asks, and what cannot be asked."""

from math import inf, nan
from typing import Any

import pytest

from marhaba.kernel.errors import BadInput
from marhaba.kernel.rules import (
    KEEPS_MAX,
    RELAX_STEPS_MAX,
    RING_ALL_MAX,
    Channel,
    QueueRules,
    RelaxStep,
    Strategy,
)


def test_the_requirement_softens_with_every_step() -> None:
    rules = QueueRules(
        "q",
        skills={"billing": 6, "vip": 2},
        language_level=5,
        relax=(RelaxStep(10, {"billing": 3}), RelaxStep(20, {"vip": 0, "language": 1})),
    )
    assert rules.required("es", 0) == {"billing": 6, "vip": 2, "lang:es": 5}
    assert rules.required("es", 1) == {"billing": 3, "vip": 2, "lang:es": 5}
    assert rules.required("es", 2) == {"billing": 3, "lang:es": 1}
    assert rules.required("", 1) == {"billing": 3, "vip": 2}


def test_a_queue_that_asks_for_the_contacts_own_language_twice_means_the_higher_level() -> None:
    rules = QueueRules("q", skills={"lang:es": 7}, language_level=3, relax=(RelaxStep(5, {"lang:es": 1}),))
    assert rules.required("es", 0) == {"lang:es": 7}
    assert rules.required("es", 1) == {"lang:es": 3}
    assert rules.required("fr", 0) == {"lang:es": 7, "lang:fr": 3}


def test_steps_are_taken_at_their_second() -> None:
    rules = QueueRules("q", skills={"a": 3}, relax=(RelaxStep(10, {"a": 2}), RelaxStep(25, {"a": 1})))
    assert [rules.step_at(100.0, now) for now in (100.0, 109.9, 110.0, 124.9, 125.0, 900.0)] == [
        *(0, 0, 1, 1, 2, 2)
    ]
    assert [rules.next_step_at(100.0, step) for step in range(3)] == [110.0, 125.0, None]


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ({"skills": {"vip": 11}}, "level"),
        ({"skills": {"vip": -1}}, "level"),
        ({"language_level": 11}, "level"),
        ({"skills": {"language": 3}}, "skill"),
        ({"skills": {"vip": 3}, "relax": (RelaxStep(10, {"vip": -1}),)}, "level"),
        ({"skills": {"vip": 3}, "relax": (RelaxStep(10, {"vip": 4}),)}, "relax"),
        ({"skills": {"vip": 3}, "relax": (RelaxStep(5, {"vip": 1}), RelaxStep(9, {"vip": 2}))}, "relax"),
        ({"weight": 0.0}, "weight"),
        ({"weight": inf}, "weight"),
        ({"weight": nan}, "weight"),
        ({"ring_all_max": 0}, "ring-all"),
        ({"ring_all_max": RING_ALL_MAX + 1}, "ring-all"),
        ({"channel": Channel.TEXT, "strategy": Strategy.RING_ALL}, "ring-all"),
        ({"keep": {"q": 1}}, "keep"),
        ({"keep": {"other": -1}}, "keep"),
        ({"keep": {f"other-{n}": 1 for n in range(KEEPS_MAX + 1)}}, "keep"),
        ({"relax": (RelaxStep(10, {"vip": 1}),)}, "relax"),
        ({"relax": (RelaxStep(0, {}),)}, "relax"),
        ({"relax": (RelaxStep(20, {}), RelaxStep(20, {}))}, "relax"),
        ({"relax": tuple(RelaxStep(n + 1, {}) for n in range(RELAX_STEPS_MAX + 1))}, "relax"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(rules: dict[str, Any], code: str) -> None:
    with pytest.raises(BadInput) as refusal:
        QueueRules("q", **rules)
    assert refusal.value.code == code
