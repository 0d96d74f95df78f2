"""What a file says is what the builder makes, and what cannot be meant is named with its line."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from marhaba.files.problems import FileError
from marhaba.files.queue_rules import ServiceLevel
from marhaba.kernel.rules import Channel, QueueRules, RelaxStep, Strategy
from marhaba.simulator.laws import (
    Constant,
    Empirical,
    Exponential,
    Gamma,
    LogNormal,
    Never,
    PhaseType,
    Triangular,
    Uniform,
    Weibull,
    hyperexponential,
)
from marhaba.simulator.model import (
    Agents,
    CallbackOffer,
    Consult,
    Dialled,
    Model,
    PerInterval,
    Recorded,
    Return,
    Shift,
    Steady,
)
from marhaba.simulator.paper.reading import parse_paper, read_paper
from tests.simulator.paper.models import SMALL, VARIANTS, changed, paper, problems, told

WHOLE = """
name = "Tout"
hours = "08:00-12:00"
interval_s = "1 h"
warm_up_s = "1 h"
languages = ["fr"]
lines = 40
queue_choice = "longest-queue"

[queues.un]
skills = { reseau = 3 }
priority = 2
strategy = "ring-all"
ring_all_max = 3
weight = 2.5
keep = { deux = 1 }
relax = [{ after_s = "1 min", levels = { reseau = 1 } }]
overflow_wait_s = "5 min"
overflow_size = 30
overflow_no_staff = true
overflow_at_close = true
overflow_to = "deux"
waits_unstaffed = true
closes = "11:30"
service_level = { formula = "F2", threshold_s = 30, target = 0.9, short_s = 3 }

[queues.deux]
channel = "text"
language_level = 0

[types.a]
queue = "un"
language = "fr"
arrivals = { per_hour = { "08:00-10:00" = 60, "10:00-11:00" = 30 }, busyness = 20, shared = "jour" }
arrivals_factor = 2
patience = { law = "weibull", scale_s = "2 min", shape = 1.5 }
patience_factor = [1, 1, 0.5, 2]
handle = { law = "lognormal", mean_s = "4 min", sd_s = "2 min" }
handle_by = { team = "3 min" }
handle_factor = 1.5
wrap = 20
balk = 0.1
callback = { after_s = "30 s", accepted = 0.5, reached = 0.8, dial = "15 s" }
consult = { share = 0.1, agents = "experts", lasts = { law = "exponential", mean_s = "1 min" } }
returns = [
    { after = "abandoned", share = 0.4, delay = "10 min", attempts_max = 2, same_patience = true },
    { after = "answered", share = 0.2, to = "b", same_agent_s = "1 min", adds_up = true },
]

[types.b]
queue = "deux"
handle = "1 min"

[types.c]
queue = "deux"
handle = "1 min"
[types.c.arrivals.dialled]
ratio = 1.5
reached = 0.3
dial = "20 s"
hours = "09:00-11:00"
ready_least = 2
free_least = 1
agents = ["team"]

[types.d]
queue = "deux"
handle = "1 min"
arrivals = { per_interval = [1, 2, 3, 4] }

[types.e]
queue = "deux"
handle = "1 min"
arrivals = { per_hour = 6.5, busyness = 20, shared = "jour" }

[agents.team]
skills = { fr = 8, reseau = 4 }
count = { "08:00-10:00" = 4, "10:00-12:00" = 2 }
queues = ["un", "deux"]
own = ["un"]
site = "Tanger"
ring = "3 s"
missed = 0.02
missed_pause_s = "1 min"
handle_factor = 0.9
text = 3

[agents.experts]
skills = { fr = 10, reseau = 10 }
shifts = [
    { hours = "08:00-12:00", count = 2, breaks = ["10:00-10:15"], slides = true },
    { hours = "09:00-11:00" },
]
"""
AGENTS = [
    Agents(
        "team",
        {"lang:fr": 8, "reseau": 4},
        (4, 4, 2, 2),
        queues=("un", "deux"),
        own=("un",),
        site="Tanger",
        ring=Constant(3),
        missed=0.02,
        missed_pause_s=60,
        handle_factor=0.9,
        text=3,
    ),
    Agents(
        "experts",
        {"lang:fr": 10, "reseau": 10},
        shifts=(*(Shift(0, 14400, ((7200, 8100),), True),) * 2, Shift(3600, 10800)),
    ),
]


def test_the_reader_says_everything_that_the_builder_can() -> None:
    read = paper(WHOLE)
    model = Model(hours=4, interval_s=3600, warm_up_s=3600, lines=40, longest_queue=True)
    model.queues.append(
        QueueRules(
            "un",
            skills={"reseau": 3},
            priority=2,
            strategy=Strategy.RING_ALL,
            ring_all_max=3,
            weight=2.5,
            keep={"deux": 1},
            relax=(RelaxStep(60.0, {"reseau": 1}),),
            overflow_wait_s=300.0,
            overflow_size=30,
            overflow_no_staff=True,
            overflow_at_close=True,
            overflow_to="deux",
        )
    )
    model.closes["un"] = 3.5 * 3600
    model.waits_unstaffed.add("un")
    model.queues.append(QueueRules("deux", language_level=0, channel=Channel.TEXT))
    model.add_contact_type(
        "a",
        queue="un",
        language="fr",
        arrivals=PerInterval([120, 120, 60, 0], busyness=20, shared="jour"),
        patience=Weibull(120, 1.5),
        patience_factor=[1, 1, 0.5, 2],
        handle=LogNormal(240, 120),
        handle_by={"team": Constant(180)},
        handle_factor=[1.5] * 4,
        wrap=Constant(20),
        balk=0.1,
        target_s=30.0,
        short_s=3.0,
        callback=CallbackOffer(30, 0.5, 0.8, Constant(15)),
        consult=Consult(0.1, "experts", Exponential(60)),
    )
    model.add_contact_type("b", queue="deux", arrivals=Steady(0), handle=Constant(60))
    dialled = Dialled(1.5, 0.3, Constant(20), 3600.0, 3 * 3600.0, 2, 1, ("team",))
    model.add_contact_type("c", queue="deux", arrivals=dialled, handle=Constant(60))
    model.add_contact_type("d", queue="deux", arrivals=PerInterval([1, 2, 3, 4]), handle=Constant(60))
    model.add_contact_type(
        "e", queue="deux", arrivals=Steady(6.5, busyness=20, shared="jour"), handle=Constant(60)
    )
    model.returns = [
        Return("a", "abandoned", 0.4, "a", Constant(600), 2, same_patience=True),
        Return("a", "answered", 0.2, "b", same_agent_s=60, adds_up=True),
    ]
    model.agents = list(AGENTS)
    assert read.data == model.data()
    assert read.promises == {
        "a": ServiceLevel("F2", 30.0, 0.9, 3.0),
        **dict.fromkeys("bcde", ServiceLevel()),
    }
    assert (read.name, read.hours.begins_s, read.hours.length_s) == ("Tout", 8 * 3600, 4 * 3600)


@pytest.mark.parametrize(
    ("said", "law"),
    [
        ('"90 s"', Constant(90)),
        ("7", Constant(7)),
        ('{ law = "constant", value_s = "1 min" }', Constant(60)),
        ('{ law = "exponential", mean_s = "1 min" }', Exponential(60)),
        ('{ law = "lognormal", mean_s = 60, sd_s = 30 }', LogNormal(60, 30)),
        ('{ law = "gamma", mean_s = 60, shape = 2.5 }', Gamma(60, 2.5)),
        ('{ law = "erlang", mean_s = 60, phases = 3 }', Gamma(60, 3)),
        ('{ law = "weibull", scale_s = 60, shape = 0.7 }', Weibull(60, 0.7)),
        ('{ law = "uniform", low_s = 10, high_s = 20 }', Uniform(10, 20)),
        ('{ law = "triangular", low_s = 10, mode_s = 12, high_s = 20 }', Triangular(10, 12, 20)),
        (
            '{ law = "hyperexponential", shares = [0.9, 0.1], means_s = ["1 min", "10 min"] }',
            hyperexponential([0.9, 0.1], [60, 600]),
        ),
        (
            '{ law = "phase-type", start = [1, 0], rates = [[0, 0.1], [0, 0]], exits = [0, 0.2] }',
            PhaseType((1, 0), ((0, 0.1), (0, 0)), (0, 0.2)),
        ),
        ('{ law = "empirical", values_s = [10, "20 s", inf] }', Empirical((10, 20, math.inf))),
        ('{ law = "never" }', Never()),
    ],
)
def test_every_law_has_its_words(said: str, law: object) -> None:
    text = changed('{ law = "exponential", mean_s = "2 min" }', said)
    assert paper(text).data.types[0].patience == law


@pytest.mark.parametrize(
    ("old", "new", "line", "where", "expected"),
    [
        ('hours = "08:00-10:00"', 'hours = "8h-10h"', 3, "hours", "model_hours"),
        ('hours = "08:00-10:00"', 'hours = "08:00-10:00"\ndays = 2', 3, "hours", "model_hours_days"),
        ('"30 min"', '"30 min"\nwarm_up_s = "3 h"', 5, "warm_up_s", "model_warm_up"),
        ('queue = "accueil"', 'queue = "acueil"', 15, "types.appels.queue", "queue"),
        ("reseau = 3", "resau = 3", 11, "queues.support.skills.resau", "known_skill"),
        ("{ per_hour = 30 }", "{ per_hour = -3 }", 17, "types.appels.arrivals.per_hour", "number"),
        ("{ per_hour = 30 }", "{}", 17, "types.appels.arrivals", "model_arrivals"),
        ("{ per_hour = 30 }", "30", 17, "types.appels.arrivals", "model_arrivals"),
        (
            "{ per_hour = 30 }",
            "{ per_interval = [1] }",
            17,
            "types.appels.arrivals.per_interval",
            "model_one_each",
        ),
        (
            "{ per_hour = 30 }",
            '{ per_hour = { "08:10-09:00" = 3 } }',
            17,
            'types.appels.arrivals.per_hour."08:10-09:00"',
            "model_span",
        ),
        (
            "{ per_hour = 30 }",
            '{ per_hour = { "08:00-09:00" = 3, "08:30-10:00" = 2 } }',
            17,
            'types.appels.arrivals.per_hour."08:30-10:00"',
            "model_span_once",
        ),
        ('handle = "3 min"', 'handle = "-3 min"', 19, "types.appels.handle", "model_law"),
        ('handle = "3 min"', "handle = -3", 19, "types.appels.handle", "duration"),
        ('handle = "3 min"', "", 14, "types.appels.handle", "model_law"),
        (
            'handle = "3 min"',
            'handle = { law = "exponentiel", mean_s = 3 }',
            19,
            "types.appels.handle.law",
            "model_law_name",
        ),
        (
            'handle = "3 min"',
            'handle = { law = "exponential" }',
            19,
            "types.appels.handle.mean_s",
            "duration",
        ),
        (
            'handle = "3 min"',
            'handle = { law = "uniform", low_s = 3, high_s = 2 }',
            19,
            "types.appels.handle.high_s",
            "model_above",
        ),
        (
            'handle = "3 min"',
            'handle = "3 min"\nreturns = [{ after = "answered", share = 0.6 }, { after = "answered", share = 0.6 }]',
            20,
            "types.appels.returns[2].share",
            "model_returns",
        ),
        (
            'handle = "3 min"',
            'handle = "3 min"\nreturns = [{ after = "answered", share = 0.6, to = "apels" }]',
            20,
            "types.appels.returns[1].to",
            "model_type",
        ),
        (
            'handle = "3 min"',
            'handle = "3 min"\nconsult = { share = 0.6, agents = "team", lasts = 3 }',
            20,
            "types.appels.consult.agents",
            "model_agents",
        ),
        ("count = 3", "count = -1", 23, "agents.equipe.count", "integer"),
        ("count = 3", "count = [1, 2]", 23, "agents.equipe.count", "model_one_each"),
        ("count = 3", "", 21, "agents.equipe.count", "model_count"),
        (
            "count = 3",
            'shifts = [{ hours = "07:00-09:00" }]',
            23,
            "agents.equipe.shifts[1].hours",
            "model_hours_within",
        ),
        (
            "count = 3",
            'shifts = [{ hours = "08:00-09:00", breaks = ["09:00-09:10"] }]',
            23,
            "agents.equipe.shifts[1].breaks[1]",
            "model_break",
        ),
        ("count = 3", "count = 3\nsite_ = 3", 24, "agents.equipe.site_", "key"),
        ("fr = 8", "es = 8", 15, "types.appels.queue", "model_nobody"),
        ("count = 3", "count = 0", 15, "types.appels.queue", "model_nobody"),
        ("count = 3", 'count = 3\nqueues = ["support"]', 15, "types.appels.queue", "model_nobody"),
    ],
)
def test_a_mistake_is_named_with_its_line(old: str, new: str, line: int, where: str, expected: str) -> None:
    assert told(changed(old, new)) == [(line, where, expected)]


def test_a_slip_of_the_finger_is_recognised() -> None:
    [problem] = problems(changed('queue = "accueil"', 'queue = "acueil"'))
    assert problem.render("en") == (
        'line 15, types.appels.queue: found "acueil"; expected: a queue of the centre: accueil, support – did you mean '
        "accueil?"
    )


def test_all_mistakes_are_found_in_one_pass() -> None:
    text = changed(
        "fr = 8",
        "fr = 80",
        changed("per_hour = 30", "per_hour = -1", changed("language_level = 0", "levle = 0")),
    )
    assert [line for line, _, _ in told(text)] == [12, 17, 22]


def test_a_file_that_is_no_toml_says_where() -> None:
    assert told("hours = ") == [(1, "", "toml")]


def test_an_empty_file_asks_for_what_a_centre_needs() -> None:
    assert sorted(where for _, where, _ in told("")) == ["agents", "hours", "queues", "types"]


# -- loads that nobody carries -----------------------------------------------------------------------------------


def test_a_load_without_patience_that_nobody_carries_is_a_warning_with_its_erlangs() -> None:
    text = changed(
        "{ per_hour = 30 }",
        "{ per_hour = 70 }",
        changed('patience = { law = "exponential", mean_s = "2 min" }', ""),
    )
    read = paper(text)
    assert [warning.about for warning in read.warnings] == [
        {"erlangs": "3.5", "agents": "3.0", "types": "appels"}
    ]
    assert read.warnings[0].line == 14
    assert not paper(changed("per_hour = 70", "per_hour = 50", text)).warnings


def test_types_that_share_agents_are_looked_at_together() -> None:
    text = changed('patience = { law = "exponential", mean_s = "2 min" }', "")
    text += '[types.support]\nqueue = "support"\narrivals = { per_hour = 40 }\nhandle = "3 min"\n'
    [warning] = paper(text).warnings
    assert warning.about == {"erlangs": "3.5", "agents": "3.0", "types": "appels, support"}


# -- recorded contacts -------------------------------------------------------------------------------------------


def recorded(tmp_path: Path, rows: str) -> tuple[Path, str]:
    (tmp_path / "calls.csv").write_text(rows, "utf-8")
    return tmp_path, changed("{ per_hour = 30 }", '{ csv = "calls.csv" }')


def test_recorded_contacts_come_from_a_csv(tmp_path: Path) -> None:
    rows = "at;type;patience_s;handle_s\n2026-11-23 09:30:01;appels;;60\n2026-11-23 08:00:05;;12.5;\n2026-11-23 09:00;x;;\n"
    folder, text = recorded(tmp_path, rows)
    (arrivals,) = (each.arrivals for each in paper(text, folder).data.types)
    assert isinstance(arrivals, Recorded)
    assert arrivals.at == (5.0, 5401.0)
    assert [math.isnan(value) for value in arrivals.patience] == [False, True]
    assert arrivals.patience[0] == 12.5
    assert arrivals.handle[1] == 60.0


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ("time\n08:30\n", (17, "types.appels.arrivals.csv", "model_csv_columns")),
        ("at\n08:30\n11:00\n", (3, "calls.csv: at", "model_csv_time")),
        ("at\nhalf past eight\n", (2, "calls.csv: at", "model_csv_time")),
        ("at\n2026-11-23 08:30\n2026-11-24 08:30\n", (3, "calls.csv: at", "model_csv_time")),
        ("at,patience_s\n08:30,-1\n", (2, "calls.csv: patience_s", "duration")),
    ],
)
def test_a_csv_that_cannot_be_meant_is_named_by_its_line(
    tmp_path: Path, rows: str, found: tuple[int, str, str]
) -> None:
    folder, text = recorded(tmp_path, rows)
    assert told(text, folder) == [found]


def test_a_csv_that_is_not_there(tmp_path: Path) -> None:
    text = changed("{ per_hour = 30 }", '{ csv = "nowhere.csv" }')
    assert told(text, tmp_path) == [(17, "types.appels.arrivals.csv", "model_csv_file")]


# -- nights, days, variants ----------------------------------------------------------------------------------------


def test_a_night_ends_the_next_day() -> None:
    text = changed(
        '"08:00-10:00"', '"22:00-02:00"', changed("count = 3", 'shifts = [{ hours = "23:00-01:00" }]')
    )
    read = paper(text)
    assert read.data.horizon_s == 4 * 3600
    assert read.data.agents[0].shifts == (Shift(3600, 3 * 3600),)
    assert read.hours.clock(3 * 3600) == "01:00"


def test_days_follow_on_each_other() -> None:
    shifts = 'shifts = [{ hours = "08:00-16:00", days = [1, 3], breaks = ["12:00-12:30"] }, { hours = "16:00-24:00" }]'
    text = changed('"08:00-10:00"', '"00:00-24:00"\ndays = 3', changed("count = 3", shifts))
    day = 86_400
    data = paper(text).data
    assert len(data.interval_ends) == 3 * 48
    assert data.agents[0].shifts == (
        Shift(8 * 3600, 16 * 3600, ((12 * 3600, 12.5 * 3600),)),
        Shift(2 * day + 8 * 3600, 2 * day + 16 * 3600, ((2 * day + 12 * 3600, 2 * day + 12.5 * 3600),)),
        *(Shift(number * day + 16 * 3600, (number + 1) * day) for number in range(3)),
    )


def test_a_variant_changes_what_it_names_and_nothing_else() -> None:
    read = paper(VARIANTS)
    plus, less = read.variants
    assert (plus.name, less.name) == ("plus", "moins")
    assert (plus.data.lines, plus.data.agents[0].count) == (5, (4,) * 4)
    assert plus.data.types[0].handle == Uniform(60, 120)
    assert plus.data.types[0].patience == Exponential(120)
    assert less.data.types[0].patience == Never()
    assert [each.name for each in less.data.agents] == ["equipe", "renfort"]
    assert read.data.agents[0].count == (3,) * 4
    assert read.data.types[0].handle == Constant(180)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("count = 4", "count = -4", (27, "variants.plus: agents.equipe.count", "integer")),
        ("lines = 5", "liens = 5", (26, "variants.plus.liens", "key")),
        (
            "types.appels.handle = {",
            "types.appels.handel = {",
            (28, "variants.plus: types.appels.handel", "key"),
        ),
        (
            "types.appels.patience",
            "types.appels.patients",
            (31, "variants.moins.without[1]", "model_without"),
        ),
        ("skills = { fr = 5 }", "skils = { fr = 5 }", (32, "variants.moins: agents.renfort.skils", "key")),
    ],
)
def test_a_mistake_in_a_variant_is_named_there(old: str, new: str, found: tuple[int, str, str]) -> None:
    assert told(changed(old, new, VARIANTS)) == [found]


def test_a_mistake_of_the_model_is_not_told_again_for_each_variant() -> None:
    assert told(changed("per_hour = 30", "per_hour = -30", VARIANTS)) == [
        (17, "types.appels.arrivals.per_hour", "number")
    ]


# -- files ---------------------------------------------------------------------------------------------------------


def test_a_file_is_called_by_its_name_unless_it_says_its_own(tmp_path: Path) -> None:
    path = tmp_path / "tanger.toml"
    path.write_text(changed('name = "Essai"\n', ""), "utf-8")
    assert read_paper(path).name == "tanger"


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "tanger.toml"
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(FileError) as caught:
        read_paper(path)
    assert [problem.expected for problem in caught.value.problems] == ["utf8"]


def test_the_reader_asks_nothing_of_where_it_runs() -> None:
    assert parse_paper(SMALL, folder=Path("/nowhere")).data == paper().data


def test_the_queue_that_has_used_up_most_of_its_target_goes_first() -> None:
    text = changed('interval_s = "30 min"', 'interval_s = "30 min"\nqueue_choice = "service-target"')
    text = changed("[queues.support]", "[queues.support]\nweight = 3\nservice_level.threshold_s = 60", text)
    data = paper(text).data
    assert [queue.weight for queue in data.queues] == [1 / 20, 3 / 60]
    assert not data.longest_queue
