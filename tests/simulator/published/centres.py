"""Eight centres that Buist & L'Ecuyer publish with the ContactCenters library (umontreal-simul/contactcenters,
doc/examples), as models of ours. They give times in minutes; a replication is a day or a week.
"""

from __future__ import annotations

from collections.abc import Sequence

from marhaba.kernel.rules import Strategy
from marhaba.simulator.laws import Constant, Exponential, Gamma, Triangular, Uniform
from marhaba.simulator.model import Consult, Dialled, Model, ModelData, PerInterval, Steady

MIN = 60.0
WEEK_H = 168


def mmc(*, impatient: bool) -> ModelData:
    model = Model(hours=8)
    model.add_queue("calls", language_level=0)
    more = {"patience": Exponential(MIN)} if impatient else {}
    model.add_contact_type(
        "calls", queue="calls", arrivals=Steady(4.2 * 60), handle=Exponential(2 * MIN), target_s=20.0, **more
    )
    model.add_agents("agents", skills={}, count=12)
    return model.data()


def simple_msk() -> ModelData:
    """Three types, two groups, three periods of two hours, one busyness for all."""
    model = Model(hours=6, interval_s=120 * MIN)
    rates = ((4.2, 5.3, 3.2), (5.1, 4.3, 4.8), (6.3, 5.2, 4.8))
    for number, per_minute in enumerate(rates):
        name = f"type{number}"
        model.add_queue(name, skills={name: 1}, language_level=0, strategy=Strategy.BEST_SKILL)
        model.add_contact_type(
            name,
            queue=name,
            arrivals=PerInterval([rate * 120 for rate in per_minute], 28.7, "day"),
            handle=Exponential(MIN),
            handle_factor=[1 / 0.5, 1 / 0.6, 1 / 0.4],
            patience=Exponential(MIN),
            patience_factor=[1 / 0.3, 1 / 0.4, 1 / 0.2],
        )
    model.add_agents("group0", skills={"type0": 5, "type1": 5}, count=[12, 18, 9])
    model.add_agents("group1", skills={"type1": 4, "type2": 5}, count=[15, 20, 11])
    return model.data()


def _of_week(hours: range, per_hour: float, days: int = 5, first: float | None = None) -> list[float]:
    """By hour of the week; `first`: of the first hour of a day."""
    made = [0.0] * WEEK_H
    for day in range(days):
        for hour in hours:
            made[day * 24 + hour] = per_hour if first is None or hour > hours[0] else first
    return made


def _staff(hours: range, count: int, days: int = 5) -> list[int]:
    return [int(each) for each in _of_week(hours, count, days)]


def bilingual() -> ModelData:
    """Callers who gave up try again after 20 minutes, as patient as before; forty lines."""
    model = Model(hours=WEEK_H, interval_s=3600.0, lines=40)
    day = range(8, 17)
    for language, handle in (("english", Uniform(3 * MIN, 7 * MIN)), ("spanish", Uniform(4 * MIN, 6 * MIN))):
        model.add_queue(
            language,
            skills={language: 1},
            language_level=0,
            strategy=Strategy.RANDOM,
            overflow_no_staff=True,
            waits_unstaffed=True,
        )
        model.add_contact_type(
            language,
            queue=language,
            arrivals=PerInterval(_of_week(day, 50.0, first=100.0)),
            handle=handle,
            patience=Exponential(2 * MIN),
            target_s=MIN,
        )
        model.add_return(
            language,
            after="abandoned",
            chance=0.75,
            delay=Constant(20 * MIN),
            same_patience=True,
            adds_up=True,
        )
    for name, count in (("english", 7), ("spanish", 7), ("bilingual", 4)):
        skills = {"english": 5, "spanish": 5} if name == "bilingual" else {name: 5}
        model.add_agents(name, skills=skills, count=_staff(day, count))
    return model.data()


def bank() -> ModelData:
    """Two groups of specialists, each with a queue of its own that it serves first; fifteen lines."""
    model = Model(hours=WEEK_H, interval_s=3600.0, lines=15)
    day = range(8, 17)
    kinds = (
        ("savings", Strategy.BEST_SKILL, 2.0, 5 * MIN, Uniform(3 * MIN, 5 * MIN), 1.0 * MIN),
        ("checking", Strategy.BEST_SKILL, 20.0, 5 * MIN, Uniform(3 * MIN, 5 * MIN), 1.5 * MIN),
        ("balance", Strategy.RANDOM, 50.0, MIN, Uniform(2.5 * MIN, 3.5 * MIN), 0.5 * MIN),
    )
    for name, strategy, per_hour, handle_s, patience, target_s in kinds:
        model.add_queue(name, skills={name: 1}, language_level=0, strategy=strategy, overflow_no_staff=True)
        model.add_contact_type(
            name,
            queue=name,
            arrivals=PerInterval(_of_week(day, per_hour, first=2 * per_hour)),
            handle=Exponential(handle_s),
            handle_by={} if name == "balance" else {name: Exponential(handle_s * 0.75)},
            patience=patience,
            target_s=target_s,
        )
    for name, other, count in (("savings", "checking", 3), ("checking", "savings", 4)):
        model.add_agents(name, skills={name: 5, other: 4, "balance": 5}, own=[name], count=_staff(day, count))
    return model.data()


def telethon() -> ModelData:
    """Who has waited two minutes leaves a message."""
    model = Model(hours=WEEK_H, interval_s=3600.0, lines=24)
    day = range(6, 10)
    model.add_queue("gifts", language_level=0, overflow_wait_s=2 * MIN, overflow_no_staff=True)
    model.add_contact_type(
        "gifts",
        queue="gifts",
        arrivals=PerInterval(_of_week(day, 50.0)),
        handle=Exponential(10 * MIN),
        patience=Exponential(2 * MIN),
        target_s=MIN,
    )
    model.add_agents("agents", skills={}, count=_staff(day, 12))
    return model.data()


def blend() -> ModelData:
    """From 8 to 14 hours; from 11 hours on people are called when four agents are idle, of whom one takes both."""
    model = Model(hours=6, interval_s=120 * MIN)
    model.add_queue("in", skills={"in": 1}, language_level=0, strategy=Strategy.BEST_SKILL, overflow_size=80)
    model.add_queue("out", skills={"out": 1}, language_level=0, priority=1)
    per_minute = (68.45 / 30, 72.93 / 30, 71.92 / 30)
    model.add_contact_type(
        "in",
        queue="in",
        arrivals=PerInterval([rate * 120 for rate in per_minute], 29.7),
        handle=Gamma(0.755 * 753.8, 0.755),
        patience=Exponential(500.0),
        balk=0.005,
    )
    model.add_contact_type(
        "out",
        queue="out",
        arrivals=Dialled(2.0, (0.28, 0.29, 0.29), from_s=180 * MIN, until_s=355 * MIN, free_least=4),
        handle=Exponential(440.2),
        patience=Constant(5.0),
    )
    model.add_agents("inbound", skills={"in": 5}, count=[23, 23, 21])
    model.add_agents("blend", skills={"in": 4, "out": 5}, count=[16, 18, 16])
    return model.data()


def teamwork() -> ModelData:
    """A receptionist passes callers on to technical support, who have no queue, or to the manager; both may ask others."""
    model = Model(hours=WEEK_H, interval_s=3600.0, lines=25)
    day = range(8, 17)
    nobody: Sequence[float] = [0.0] * WEEK_H
    first = PerInterval(_of_week(day, 100.0, days=7, first=200.0))
    talk = (0.5, 1.0, 5.0)
    for name, times, consult in (
        ("reception", 1.0, Consult(0.2, "accounting", Uniform(0.0, 2 * MIN))),
        ("technical", 10.0, Consult(0.2, "development", Uniform(0.0, 3 * MIN))),
        ("manager", 5.0, None),
    ):
        model.add_queue(name, skills={name: 1}, language_level=0, overflow_no_staff=True)
        model.add_contact_type(
            name,
            queue=name,
            arrivals=first if name == "reception" else PerInterval(nobody),
            handle=Triangular(*(minutes * times * MIN for minutes in talk)),
            wrap=Exponential(MIN),
            patience=Exponential(2 * MIN),
            balk=1.0 if name == "technical" else 0.0,
            target_s=2 * MIN,
            consult=consult,
        )
    for name, chance in (("technical", 0.95), ("manager", 0.05)):
        model.add_return("reception", after="answered", chance=chance, to=name, adds_up=True)
    for name, count in (
        ("reception", 2),
        ("accounting", 1),
        ("technical", 5),
        ("development", 1),
        ("manager", 1),
    ):
        model.add_agents(name, skills={name: 5}, count=_staff(day, count, days=7))
    return model.data()
