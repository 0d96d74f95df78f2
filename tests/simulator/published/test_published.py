"""The published centres say what is published, within three standard errors of the difference and half a last digit."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from marhaba.simulator.building import units_of
from marhaba.simulator.result import COUNTS, Estimate, Result, estimate, ratio_of
from marhaba.simulator.simulate import MaxReplications, simulate
from tests.simulator.published import centres

DAYS = 1000
Figures = dict[str, Estimate]
Floats = npt.NDArray[np.float64]
WEEK_S = 168 * 3600.0


class Days:
    """What was counted, a number a replication."""

    def __init__(self, result: Result) -> None:
        self.result = result
        self.runs = result.runs
        self.types = [each.name for each in result.data.types]
        self.groups = [each.name for each in result.data.agents]
        self.units = [unit.number for unit in units_of(result.data)]

    def count(self, measure: str, *types: str, interval: int | None = None) -> Floats:
        kinds = [self.types.index(name) for name in types or self.types]
        which = slice(None) if interval is None else slice(interval, interval + 1)
        return np.array([run.counts[kinds, which, COUNTS[measure]].sum() for run in self.runs])

    def busy(self, *groups: str, whole: bool = True) -> Floats:
        """Agent-seconds; `whole`: also after the last interval."""
        return self._area("busy_area", groups, whole=whole)

    def there(self, *groups: str) -> Floats:
        """Agent-seconds until the last interval's end."""
        return self._area("staff_area", groups, whole=False)

    def _area(self, name: str, groups: tuple[str, ...], *, whole: bool) -> Floats:
        rows = [place for place, of in enumerate(self.units) if not groups or self.groups[of] in groups]
        upto = None if whole else -1
        return np.array([getattr(run, name)[rows, :upto].sum() for run in self.runs])

    def talk(self, contact_type: str, group: str) -> Floats:
        at = self.types.index(contact_type), self.groups.index(group)
        return np.array([run.talk_by[at] for run in self.runs])

    def lines(self, over_s: float) -> Estimate:
        return estimate(np.array([run.lines_area.sum() for run in self.runs]) / over_s)


def _mmc(days: Days) -> Figures:
    answered, in_time = days.count("answered"), days.count("in_time")
    late = days.count("abandoned") - days.count("abandoned_in_time")
    return {
        "in target": estimate(in_time),
        "service level": ratio_of(in_time, answered),
        "speed of answer": ratio_of(days.count("wait_answered_s") / 60, answered),
        "occupancy": estimate(days.busy(whole=False) / (12 * 8 * 3600)),
        "abandoned": estimate(days.count("abandoned")),
        "service level with abandonment": ratio_of(in_time, answered + late),
    }


def _simple_msk(days: Days) -> Figures:
    in_time, late = days.count("in_time"), days.count("abandoned") - days.count("abandoned_in_time")
    after = np.array([run.ended_s - 6 * 3600.0 for run in days.runs]) * 9
    return {
        "served": estimate(days.count("answered")),
        "abandoned": estimate(days.count("abandoned")),
        "service level": ratio_of(in_time, days.count("answered") + late),
        "occupancy": ratio_of(days.busy("group0"), days.there("group0") + after),
        **{
            f"in target, type {kind}, period {period}": estimate(
                days.count("in_time", f"type{kind}", interval=period)
            )
            for kind in range(3)
            for period in range(3)
        },
    }


def _bilingual(days: Days) -> Figures:
    made: Figures = {}
    for name in ("english", "spanish"):
        made |= {
            f"arrived {name}": estimate(days.count("offered", name)),
            f"retrials {name}": estimate(days.count("returns", name)),
            f"served {name}": estimate(days.count("answered", name)),
            f"disconnected {name}": estimate(days.count("stranded", name)),
            f"abandoned {name}": estimate(days.count("abandoned", name)),
            f"in target {name}": estimate(days.count("in_time", name)),
            f"service level {name}": estimate(days.count("in_time", name) / 25),
        }
    for name, count in (("english", 7), ("spanish", 7), ("bilingual", 4)):
        made[f"occupancy {name}"] = estimate(days.busy(name) / (27.00 * 60 * count))
    made["occupancy all"] = estimate(days.busy() / (27.00 * 60 * 18))
    return made


def _bank(days: Days) -> Figures:
    made: Figures = {"busy trunks": days.lines(WEEK_S)}
    for name in ("savings", "checking", "balance"):
        offered, answered = days.count("offered", name), days.count("answered", name)
        made |= {
            f"arrived {name}": estimate(offered),
            f"blocked {name}": estimate(days.count("blocked", name)),
            f"service level {name}": ratio_of(100 * days.count("in_time", name), offered),
            f"service time {name}": estimate(days.count("talk_s", name) / answered / 60),
            f"waiting {name}": estimate(days.count("wait_answered_s", name) / offered / 60),
            f"abandoned {name}": estimate(days.count("abandoned", name)),
            f"disconnected {name}": estimate(days.count("stranded", name)),
        }
    for name, cost in (("savings", 0.2), ("checking", 0.125)):
        busy, there = days.busy(name), days.there(name)
        made |= {
            f"occupancy {name}": estimate(100 * busy / there),
            f"idle cost {name}": estimate(cost * (there - busy) / 60),
            f"busy cost {name}": estimate(cost * busy / 60),
        }
        for kind in ("savings", "checking", "balance"):
            made[f"occupancy {name} by {kind}"] = estimate(100 * days.talk(kind, name) / there)
    return made


def _telethon(days: Days) -> Figures:
    answered = days.count("answered")
    return {
        "arrived": estimate(days.count("offered")),
        "served": estimate(answered),
        "blocked": estimate(days.count("blocked")),
        "abandoned": estimate(days.count("abandoned")),
        "messages": estimate(days.count("expired")),
        "disconnected": estimate(days.count("stranded")),
        "in target": estimate(days.count("in_time")),
        "speed of answer": ratio_of(days.count("wait_answered_s") / 60, answered),
        "service level": estimate(days.count("in_time") / 10),
        "occupancy": estimate(100 * days.busy() / (14400 * 60)),
    }


def _blend(days: Days) -> Figures:
    made: Figures = {"tried": estimate(days.count("dialled"))}
    for number, name in enumerate(("in", "out")):
        offered, blocked = days.count("offered", name), days.count("blocked", name)
        waited_s = days.count("wait_answered_s", name) + days.count("wait_abandoned_s", name)
        queue_s = np.array([run.queue_area[number, :-1].sum() for run in days.runs])
        made |= {
            f"arrived {name}": estimate(offered),
            f"served {name}": estimate(days.count("answered", name)),
            f"abandoned {name}": estimate(days.count("abandoned", name) + blocked),
            f"waiting {name}": ratio_of(waited_s / 60, offered),
            f"having to wait {name}": estimate(days.count("waited", name) + blocked),
            f"queue {name}": estimate(queue_s / (6 * 3600)),
        }
    answered_late = days.count("answered", "in") - days.count("in_time", "in")
    bad = answered_late + days.count("abandoned", "in") - days.count("abandoned_in_time", "in")
    offered = days.count("offered", "in")
    made |= {
        "not in target": estimate(bad),
        "service level": ratio_of(100 * (offered - bad), offered),
        "occupancy inbound": ratio_of(100 * days.busy("inbound", whole=False), days.there("inbound")),
        "occupancy blend": ratio_of(100 * days.busy("blend", whole=False), days.there("blend")),
        "occupancy all": ratio_of(100 * days.busy(whole=False), days.there()),
    }
    return made


def _teamwork(days: Days) -> Figures:
    last = ("technical", "manager")
    arrived, served, blocked = (
        days.count("offered", "reception"),
        days.count("answered", *last),
        days.count("blocked", "reception"),
    )
    sent_away = days.count("stranded", "reception", "manager") + days.count("blocked", *last)
    made: Figures = {
        "busy trunks": days.lines(WEEK_S),
        "arrived": estimate(arrived),
        "offered": estimate(arrived - blocked),
        "served": estimate(served),
        "blocked": estimate(blocked),
        "disconnected": estimate(sent_away + days.count("abandoned", "technical")),
        "abandoned": estimate(days.count("abandoned", "reception", "manager")),
        "in target": estimate(days.count("in_time", *last)),
        "service level": estimate(days.count("in_time", *last) / 70),
        "sojourn": estimate(days.count("sojourn_s", *last) / served / 60),
        "speed of answer": ratio_of(days.count("wait_answered_s", *last) / 60, served),
        "service time": estimate(days.count("talk_s", *last) / served / 60),
        "occupancy all": estimate(days.busy() / (37.80 * 60 * 10)),
    }
    for name, count in (
        ("reception", 2),
        ("accounting", 1),
        ("technical", 5),
        ("development", 1),
        ("manager", 1),
    ):
        made[f"occupancy {name}"] = estimate(days.busy(name) / (37.80 * 60 * count))
    return made


# figure: (mean, standard deviation of a replication), as printed
PUBLISHED: dict[str, dict[str, tuple[float, float]]] = {
    "MMC": {
        "in target": (1816.158, 57.043),
        "service level": (0.902, 0.033),
        "speed of answer": (0.099, 0.045),
        "occupancy": (0.6955, 0.023),  # printed 0.695, in the middle of an interval from 0.694 to 0.697
    },
    "MMCAb": {
        "abandoned": (58.609, 15.295),
        "in target": (1906.008, 35.828),
        "service level": (0.975, 0.0079),
        "speed of answer": (0.024, 0.006),
        "occupancy": (0.675, 0.019),
        "service level with abandonment": (0.968, 0.0099),
    },
    "SimpleMSK": {
        "served": (4297.305, 437.605),
        "abandoned": (910.335, 551.164),
        "service level": (0.501, 0.128),
        "occupancy": (0.881, 0.058),
        "in target, type 0, period 0": (170.154, 93.722),
        "in target, type 0, period 1": (599.334, 83.392),
        "in target, type 0, period 2": (15.49, 27.52),
        "in target, type 1, period 0": (262.936, 134.377),
        "in target, type 1, period 1": (511.648, 86.571),
        "in target, type 1, period 2": (34.697, 55.23),
        "in target, type 2, period 0": (259.806, 155.15),
        "in target, type 2, period 1": (613.732, 99.046),
        "in target, type 2, period 2": (24.888, 44.327),
    },
    "Bilingual": {
        "arrived english": (2555.811, 56.822),
        "arrived spanish": (2554.35, 57.003),
        "retrials english": (54.073, 13.495),
        "retrials spanish": (53.095, 13.253),
        "served english": (2483.933, 48.612),
        "served spanish": (2483.302, 49.449),
        "disconnected english": (0.03, 0.222),
        "disconnected spanish": (0.028, 0.193),
        "abandoned english": (71.848, 16.652),
        "abandoned spanish": (71.02, 16.459),
        "in target english": (2448.662, 46.47),
        "in target spanish": (2448.223, 47.889),
        "service level english": (97.946, 1.859),
        "service level spanish": (97.929, 1.916),
        "occupancy english": (47.624, 0.977),
        "occupancy spanish": (47.639, 0.962),
        "occupancy bilingual": (63.254, 0.908),
        "occupancy all": (51.103, 0.719),
    },
    "Bank": {
        "busy trunks": (0.68, 0.022),
        "arrived savings": (99.819, 10.045),
        "arrived checking": (1000.146, 31.172),
        "arrived balance": (2502.34, 50.017),
        "blocked savings": (0.069, 0.276),
        "blocked checking": (0.756, 1.172),
        "blocked balance": (1.826, 2.245),
        "service level savings": (99.234, 0.991),
        "service level checking": (99.461, 0.486),
        "service level balance": (97.301, 1.032),
        "service time savings": (3.781, 0.383),
        "service time checking": (3.852, 0.127),
        "service time balance": (0.999, 0.021),
        "waiting savings": (0.024, 0.02),
        "waiting checking": (0.028, 0.014),
        "waiting balance": (0.036, 0.014),
        "abandoned savings": (0.017, 0.129),
        "abandoned checking": (0.161, 0.501),
        "abandoned balance": (5.357, 5.133),
        "disconnected savings": (0.0, 0.0),
        "disconnected checking": (0.006, 0.077),
        "disconnected balance": (0.017, 0.157),
        "occupancy savings": (25.353, 1.16),
        "occupancy checking": (43.093, 1.27),
        "idle cost savings": (1210.287, 18.789),
        "idle cost checking": (770.012, 17.104),
        "busy cost savings": (411.051, 18.827),
        "busy cost checking": (583.101, 17.29),
        "occupancy savings by savings": (4.386, 0.63),
        "occupancy savings by checking": (5.04, 0.866),
        "occupancy savings by balance": (15.927, 0.624),
        "occupancy checking by savings": (0.2, 0.141),
        "occupancy checking by checking": (31.783, 1.3),
        "occupancy checking by balance": (11.111, 0.444),
    },
    "Telethon": {
        "arrived": (1000.169, 33.164),
        "served": (963.109, 27.984),
        "blocked": (0.0, 0.0),
        "abandoned": (31.82, 10.437),
        "messages": (4.96, 2.973),
        "disconnected": (0.28, 0.718),
        "in target": (950.265, 27.173),
        "speed of answer": (0.036, 0.012),
        "service level": (95.026, 2.717),
        "occupancy": (66.772, 2.65),
    },
    "Blend": {
        "tried": (1109.04, 258.167),
        "arrived in": (848.592, 156.201),
        "arrived out": (321.896, 74.396),
        "served in": (843.477, 149.608),
        "served out": (298.876, 68.318),
        "abandoned in": (5.115, 9.985),
        "abandoned out": (23.02, 7.609),
        "not in target": (39.427, 63.682),
        "service level": (95.354, 6.894),
        "occupancy inbound": (81.596, 7.447),
        "occupancy blend": (55.665, 6.9),
        "occupancy all": (70.514, 6.818),
        "queue in": (0.115, 0.234),
        "queue out": (0.0058, 0.0019),
        "waiting in": (0.049, 0.094),
        "waiting out": (0.0065, 0.0012),
        "having to wait in": (70.241, 86.8),
        "having to wait out": (27.445, 9.034),
    },
    "Teamwork": {
        "busy trunks": (3.261, 0.025),
        "arrived": (7003.654, 86.815),
        "offered": (7003.628, 86.816),
        "served": (866.968, 13.219),
        "disconnected": (1339.118, 23.725),
        "blocked": (0.026, 0.26),
        "in target": (522.891, 18.231),
        "abandoned": (4797.542, 88.275),
        "sojourn": (25.069, 0.333),
        "speed of answer": (1.774, 0.056),
        "service time": (20.828, 0.326),
        "service level": (7.47, 0.26),
        "occupancy reception": (98.258, 0.241),
        "occupancy accounting": (10.995, 0.514),
        "occupancy technical": (94.657, 0.416),
        "occupancy development": (5.663, 0.487),
        "occupancy manager": (27.244, 2.463),
        "occupancy all": (71.37, 0.32),
    },
}
CENTRES: dict[str, tuple[Callable[[], object], Callable[[Days], Figures]]] = {
    "MMC": (lambda: centres.mmc(impatient=False), _mmc),
    "MMCAb": (lambda: centres.mmc(impatient=True), _mmc),
    "SimpleMSK": (centres.simple_msk, _simple_msk),
    "Bilingual": (centres.bilingual, _bilingual),
    "Bank": (centres.bank, _bank),
    "Telethon": (centres.telethon, _telethon),
    "Blend": (centres.blend, _blend),
    "Teamwork": (centres.teamwork, _teamwork),
}


@pytest.mark.parametrize("name", CENTRES)
def test_a_published_centre_says_what_is_published(name: str) -> None:
    made, read = CENTRES[name]
    figures = read(Days(simulate(made(), MaxReplications(DAYS), seed=2)))
    strange = []
    for figure, (mean, deviation) in PUBLISHED[name].items():
        ours = figures[figure]
        error = math.hypot(deviation / math.sqrt(1000), ours.se)
        z = (ours.mean - mean) / (error or 1.0)
        if abs(ours.mean - mean) >= 3 * error + 0.0005:
            strange.append(f"{figure}: {ours} instead of {mean} (z = {z:.2f})")
    assert strange == []


def test_the_page_counts_the_figures_that_are_compared() -> None:
    page = (Path(__file__).parents[3] / "docs" / "design" / "simulator.md").read_text("utf-8")
    assert f"Of {sum(map(len, PUBLISHED.values()))} published figures" in page
