"""The rest of what a model may not say: each mistake where it stands, and limits at their edge."""

from __future__ import annotations

from pathlib import Path

import pytest

from marhaba.files.problems import FileError
from marhaba.simulator.model import TYPES_MAX, Shift
from marhaba.simulator.paper import reading, reading_recorded
from marhaba.simulator.paper.checks import SETS_MAX
from marhaba.simulator.paper.reading import read_paper
from marhaba.simulator.paper.variants import VARIANTS_MAX
from tests.simulator.paper.models import SMALL, VARIANTS, changed, paper, problems, told

ARRIVALS, HANDLE, COUNT = "arrivals = { per_hour = 30 }", 'handle = "3 min"', "count = 3"
PATIENCE = 'patience = { law = "exponential", mean_s = "2 min" }'
QUEUE, HOURS, INTERVAL = "[queues.accueil]\n", '"08:00-10:00"', '"30 min"'
TYPE, TEAM = "types.appels", "agents.equipe"
SHIFT = 'shifts = [{ hours = "08:00-09:00", %s }]'
DIALLED = "arrivals = { dialled = { ratio = 1, %s } }"
OTHER = '[types.b]\nqueue = "support"\nhandle = 60\n'


@pytest.mark.parametrize(
    ("old", "new", "line", "where", "expected"),
    [
        (HOURS, '"08:75-10:00"', 3, "hours", "model_hours"),
        (COUNT, 'count = { "08:75-10:00" = 3 }', 23, f'{TEAM}.count."08:75-10:00"', "model_span"),
        (QUEUE, f'{QUEUE}closes = "11:00"\n', 8, "queues.accueil.closes", "model_time_within"),
        (
            QUEUE,
            f'{QUEUE}channel = "text"\nstrategy = "ring-all"\n',
            9,
            "queues.accueil.strategy",
            "model_ring_all",
        ),
        (HANDLE, f'{HANDLE}\narrivals_factor = "2"', 20, f"{TYPE}.arrivals_factor", "number"),
        (ARRIVALS, DIALLED % 'agents = ["equip"]', 17, f"{TYPE}.arrivals.dialled.agents[1]", "model_agents"),
        (
            ARRIVALS,
            DIALLED % 'hours = "07:00-09:00"',
            17,
            f"{TYPE}.arrivals.dialled.hours",
            "model_hours_within",
        ),
        (
            ARRIVALS,
            f"{DIALLED % 'free_least = 0'}\narrivals_factor = 2",
            18,
            f"{TYPE}.arrivals_factor",
            "model_factor_recorded",
        ),
        (HANDLE, f"{HANDLE}\nhandle_by = {{ equip = 60 }}", 20, f"{TYPE}.handle_by.equip", "model_agents"),
        (HANDLE, f"{HANDLE}\nhandle_by = {{ equipe = -1 }}", 20, f"{TYPE}.handle_by.equipe", "duration"),
        (COUNT, 'count = 3\nqueues = ["suport"]', 24, f"{TEAM}.queues[1]", "queue"),
        (COUNT, SHIFT % "days = [2]", 23, f"{TEAM}.shifts[1].days", "model_days"),
        (COUNT, SHIFT % "days = 1", 23, f"{TEAM}.shifts[1].days", "model_days"),
        (COUNT, SHIFT % "breaks = [9]", 23, f"{TEAM}.shifts[1].breaks", "hours"),
        (
            HANDLE,
            'handle = { law = "hyperexponential", shares = [0.5], means_s = [1, 2] }',
            19,
            f"{TYPE}.handle.shares",
            "model_shares",
        ),
        (
            HANDLE,
            'handle = { law = "empirical", values_s = [1, -2] }',
            19,
            f"{TYPE}.handle.values_s[2]",
            "duration",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(old: str, new: str, line: int, where: str, expected: str) -> None:
    assert told(changed(old, new)) == [(line, where, expected)]


def test_a_rate_that_is_no_number_is_named_in_its_row() -> None:
    law = 'handle = { law = "phase-type", start = [1], rates = [["x"]], exits = [1] }'
    assert (19, f"{TYPE}.handle.rates[1][1]", "number") in told(changed(HANDLE, law))


def test_busyness_that_is_shared_is_one() -> None:
    way = "arrivals = { per_hour = 30, busyness = %d, shared = 'jour' }"
    text = changed(ARRIVALS, way % 20) + OTHER + way % 30
    [problem] = problems(text)
    assert (problem.where, problem.expected) == ("types.b.arrivals.busyness", "model_shared")
    assert problem.about == {"name": "jour", "busyness": "20"}


def test_a_night_within_several_days_ends_the_next_day() -> None:
    shifts = 'shifts = [{ hours = "22:00-02:00", days = [1] }]'
    text = changed(HOURS, '"00:00-24:00"\ndays = 2', changed(COUNT, shifts))
    assert paper(text).data.agents[0].shifts == (Shift(22 * 3600, 26 * 3600),)


# -- limits ------------------------------------------------------------------------------------------------------


def test_more_intervals_than_the_engine_has_room_for() -> None:
    text = changed(
        INTERVAL, '"1 min"', changed(HOURS, '"00:00-24:00"\ndays = 366', changed(COUNT, "count = 1"))
    )
    assert told(text) == [(5, "interval_s", "model_intervals")]


def test_more_types_than_the_engine_has_room_for() -> None:
    one = '[types.t%d]\nqueue = "support"\nhandle = 60\narrivals = { per_hour = 0 }\n'
    types = [one % number for number in range(TYPES_MAX)]
    [problem] = problems(SMALL + "".join(types))
    assert (problem.where, problem.expected, problem.found) == ("types", "model_types", str(TYPES_MAX + 1))


def test_variants_up_to_a_number() -> None:
    text = SMALL + "".join(f"[variants.v{number}]\nlines = 5\n" for number in range(VARIANTS_MAX))
    assert len(paper(text).variants) == VARIANTS_MAX
    last = f"[variants.v{VARIANTS_MAX}]\nlines = 5\n"
    assert [(where, expected) for _, where, expected in told(text + last)] == [
        (f"variants.v{VARIANTS_MAX}", "model_variants")
    ]


def test_a_variant_leaves_out_what_it_names_as_text() -> None:
    text = changed('"types.appels.patience"', "[3]", VARIANTS)
    assert told(text) == [(31, "variants.moins.without", "list")]


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.toml"
    path.write_text(SMALL, "utf-8")
    monkeypatch.setattr(reading, "SIZE_MAX", len(SMALL.encode()))
    assert read_paper(path).name == "Essai"
    monkeypatch.setattr(reading, "SIZE_MAX", len(SMALL.encode()) - 1)
    with pytest.raises(FileError) as caught:
        read_paper(path)
    [problem] = caught.value.problems
    assert (problem.expected, problem.found) == ("file_size", str(len(SMALL.encode())))


# -- loads that nobody carries -----------------------------------------------------------------------------------


def test_recorded_contacts_are_a_load_too(tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_text("at\n" + "".join(f"{second}\n" for second in range(140)), "utf-8")
    text = changed(ARRIVALS, 'arrivals = { csv = "calls.csv" }', changed(PATIENCE, ""))
    [warning] = paper(text, tmp_path).warnings
    assert warning.about == {"erlangs": "3.5", "agents": "3.0", "types": "appels"}  # 140 * 180 s / 7200 s


def test_beyond_some_types_each_alone_and_all_together_are_looked_at() -> None:
    """All bring too much together; no one does alone."""
    one = '[types.t%02d]\nqueue = "support"\nhandle = "3 min"\narrivals = { per_hour = 6 }\n'
    types = [one % number for number in range(SETS_MAX + 1)]
    [warning] = paper(SMALL + "".join(types)).warnings
    assert warning.about["erlangs"] == "3.3"
    assert len(warning.about["types"].split(", ")) == SETS_MAX + 1


def test_a_warning_that_a_variant_does_not_change_is_said_once() -> None:
    text = changed("per_hour = 30", "per_hour = 70", changed(PATIENCE, ""))
    assert len(paper(text + "[variants.plus]\nlines = 90\n").warnings) == 1
    assert len(paper(text + "[variants.moins]\nagents.equipe.count = 2\n").warnings) == 2


# -- recorded contacts -------------------------------------------------------------------------------------------


def csv_model(folder: Path, rows: str) -> str:
    (folder / "calls.csv").write_text(rows, "utf-8")
    return changed(ARRIVALS, 'arrivals = { csv = "calls.csv" }')


def test_a_duration_that_is_no_number_is_named_by_its_line(tmp_path: Path) -> None:
    text = csv_model(tmp_path, "at,handle_s\n08:30,60\n08:31,soon\n")
    assert told(text, tmp_path) == [(3, "calls.csv: handle_s", "duration")]


def test_a_csv_full_of_mistakes_is_not_read_to_its_end(tmp_path: Path) -> None:
    text = csv_model(tmp_path, "at\n" + "never\n" * 30)
    assert [line for line, _, _ in told(text, tmp_path)] == list(range(2, 12))


def test_more_recorded_contacts_than_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_recorded, "ROWS_MAX", 2)
    assert not told(csv_model(tmp_path, "at\n08:30\n08:31\n"), tmp_path)
    text = csv_model(tmp_path, "at\n08:30\n08:31\n08:32\n08:33\n")
    assert told(text, tmp_path) == [(4, "calls.csv: at", "model_csv_rows")]
