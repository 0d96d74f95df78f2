"""Another rule, in the words of centre.toml, on top of what was recorded."""

from __future__ import annotations

import pytest

from marhaba.files.problems import FileError
from marhaba.files.queue_rules import ServiceLevel
from marhaba.floor.loaded import LoadedQueue
from marhaba.kernel.errors import BadInput
from marhaba.kernel.rules import QueueRules, RelaxStep, Strategy
from marhaba.replay.change import Change, changed

ACCUEIL = LoadedQueue(
    QueueRules(
        "accueil",
        skills={"banque": 4},
        language_level=5,
        priority=3,
        strategy=Strategy.BEST_SKILL,
        relax=(RelaxStep(40.0, {"language": 3}), RelaxStep(90.0, {"language": 1, "banque": 0})),
        overflow_wait_s=120.0,
        overflow_size=40,
        overflow_no_staff=True,
        overflow_to="sav.nuit",
    ),
    20.0,
    15.0,
    900.0,
    True,
    30.0,
    ServiceLevel("F3", 60.0, 0.9, 3.0),
)
NIGHT = LoadedQueue(QueueRules("sav.nuit", overflow_size=10), 20.0, 15.0, 0.0, False, 30.0, ServiceLevel())
QUEUES = {"accueil": ACCUEIL, "sav.nuit": NIGHT}


def test_only_what_is_named_changes() -> None:
    made = changed(QUEUES, ["accueil.strategy=least-occupied"])
    assert made["accueil"].rules.strategy is Strategy.LEAST_OCCUPIED
    assert made["sav.nuit"] is NIGHT
    back = changed(made, ['accueil.strategy = "best-skill"'])
    assert back == QUEUES


def test_words_with_dots_tables_and_durations() -> None:
    made = changed(
        QUEUES,
        [
            "accueil.skills.banque=6",
            'accueil.overflow_wait_s="3 min"',
            "accueil.service_level.threshold_s=30",
            "accueil.max_wait_s=0",
            "sav.nuit.overflow_to=accueil",
        ],
    )
    assert made["accueil"].rules.skills == {"banque": 6}
    assert made["accueil"].rules.overflow_wait_s == 180.0
    assert made["accueil"].service_level == ServiceLevel("F3", 30.0, 0.9, 3.0)
    assert made["accueil"].max_wait_s == 0.0
    assert made["accueil"].rules.relax == ACCUEIL.rules.relax
    assert made["sav.nuit"].rules.overflow_to == "accueil"


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("strategy=random", "bad-rule"),
        ("accueil.strategy", "bad-rule"),
        ("acceuil.strategy=random", "no-queue"),
        ("accueil.priority.high=1", "bad-rule"),
    ],
)
def test_what_is_no_rule_is_refused(rule: str, code: str) -> None:
    with pytest.raises(BadInput) as refused:
        changed(QUEUES, [rule])
    assert refused.value.code == code


@pytest.mark.parametrize("language", ["fr", "es", "ar", "en"])
def test_what_centre_toml_would_refuse_is_refused_as_there(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARHABA_LANGUAGE", language)
    with pytest.raises(FileError) as refused:
        changed(QUEUES, ["accueil.strategie=random", "accueil.strategy=best", "accueil.priority=1000"])
    wheres = {problem.where for problem in refused.value.problems}
    assert wheres == {f"--rule: queues.accueil.{key}" for key in ("strategie", "strategy", "priority")}
    assert all(problem.where in str(refused.value) for problem in refused.value.problems)


def test_nothing_is_nothing() -> None:
    assert Change().nothing
    assert Change(begin=5.0, end=6.0).nothing
    for change in (Change(more=1), Change(rules=("a.b=1",)), Change(handle_factor=0.9), Change(volume=1.2)):
        assert not change.nothing
