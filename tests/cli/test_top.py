"""The board in a terminal: everything stays readable from 60 to 200 columns, in every language."""

from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from marhaba.cli.top import Board, alarm_text, clock
from marhaba.cli.words import LANGUAGES, say

QUEUES = [
    ("accueil-fr", 3, 75.0, 20.0, 0.745, 120),
    ("accueil-es", 0, 0.0, 20.0, 0.92, 8),
    ("support", 1, 4.0, 180.0, None, 0),
]
AGENTS = [
    ("Amal Bennis", "talking", "", "accueil-fr"),
    ("Chaimae El Idrissi de la Frontera", "paused", "formation", ""),
    ("Driss", "ready", "", ""),
    ("Elena", "ringing", "", "accueil-es"),
    ("Fouad", "wrapup", "", ""),
    ("Ghita", "logged_out", "", ""),
]


def board(**more: Any) -> dict[str, Any]:
    return {
        "at": 1_790_000_000.0,
        "name": "Tanger",
        "timezone": "Africa/Casablanca",
        "queues": [
            {
                "queue": queue,
                "waiting": waiting,
                "longest_s": longest,
                "ready": 2,
                "staffed": 5,
                "talking": 1,
                "offered": offered,
                "answered": offered,
                "abandoned": 0,
                "service_level": share,
                "formula": "F4",
                "target": 0.8,
                "threshold_s": threshold,
            }
            for queue, waiting, longest, threshold, share, offered in QUEUES
        ],
        "agents": [
            {
                "agent": n,
                "name": name,
                "state": state,
                "code": code,
                "for_s": 65.0 + n,
                "queue": queue,
                "call": queue,
            }
            for n, (name, state, code, queue) in enumerate(AGENTS)
        ],
        "calls": [
            {
                "call": f"c{n}",
                "stage": "talking",
                "number": "0539000000",
                "caller": f"06610000{n:02d}",
                "language": "fr",
                "queue": "accueil-fr",
                "agent": "amal",
                "for_s": float(n),
                "recording": True,
                "held": n == 1,
            }
            for n in range(40)
        ],
        "callbacks": 2,
        "alarms": {},
        "trunks": {"orange": True, "inwi": False},
        "workers": [
            {"worker": "media-0", "up": True, "ports_free": 9, "legs": 14, "tick_late_ms_p99": 0.8},
            {"worker": "media-1", "up": False, "ports_free": 0},
        ],
        **more,
    }


def drawn(data: dict[str, Any], language: str, width: int, **more: Any) -> list[str]:
    console = Console(width=width, height=30, legacy_windows=False)
    with console.capture() as captured:
        console.print(Board(data, language, **more))
    return captured.get().splitlines()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [60, 80, 110, 200])
def test_no_line_is_wider_than_the_terminal_and_no_queue_loses_its_name(width: int, language: str) -> None:
    lines = drawn(board(), language, width)
    assert max(cell_len(line) for line in lines) <= width
    text = "\n".join(lines)
    assert all(queue in text for queue, *_ in QUEUES)
    assert "Amal Bennis" in text
    assert "1:15" in text


def test_at_eighty_columns_the_service_level_has_its_letter() -> None:
    (line,) = (line for line in drawn(board(), "fr", 80) if "accueil-fr" in line and "F4" in line)
    assert line.split() == ["accueil-fr", "3", "1:15", "2", "1", "120", "120", "0", "74", "%", "F4/20", "s"]


def test_wide_boards_have_bars_and_whole_words() -> None:
    text = "\n".join(drawn(board(), "es", 150))
    assert "█" * 9 + "░" * 3 + " 74,5 % F4/20 s" in text
    assert "Nivel de servicio" in text


def test_agents_stand_with_the_busy_first_and_the_absent_counted() -> None:
    text = "\n".join(drawn(board(), "en", 60))
    names = ["Amal", "Elena", "Fouad", "Driss", "Chaimae"]
    places = [text.index(f"● {name}") for name in names]
    assert places == sorted(places)
    assert "Ghita" not in text
    assert "logged out 1" in text
    assert "paused (formation)" in text


def test_a_whole_screen_holds_the_board_and_counts_the_calls_that_do_not_fit() -> None:
    lines = drawn(board(), "fr", 80, whole=True, footer="Ctrl-C")
    assert len(lines) <= 30
    assert any("et 33 autres" in line or "autres" in line for line in lines)
    assert len(drawn(board(), "fr", 80)) > 40
    assert lines[-1].strip() == "Ctrl-C"


def test_alarms_stand_above_the_queues_in_the_readers_language() -> None:
    lines = drawn(board(alarms={"trunk:inwi": "timeout", "disk:media-0": ""}), "fr", 80)
    assert "▲ L'opérateur inwi ne répond pas (timeout)" in lines[2] or "▲" in lines[1]
    assert all("aucune" not in line for line in lines)
    assert "aucune" in drawn(board(), "fr", 80)[-1]
    assert alarm_text("disk:media-0", "", "es") == say("alarm.disk", "es").format(what="media-0")
    assert alarm_text("odd", "x", "es") == "odd (x)"


def test_clock() -> None:
    assert [clock(s) for s in (0, 59.9, 61, 3600, 36_061)] == ["0:00", "0:59", "1:01", "1:00:00", "10:01:01"]
