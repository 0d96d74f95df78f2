"""The house of a rehearsal: one small centre that has a bit of everything, varied by the seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from marhaba.sip.digest import ha1

HOUSE, PORT = "192.0.2.1", 5060
CARRIER, SECOND, SILENT = "192.0.2.50", "192.0.2.60", "192.0.2.77"
REALM = "repetition"
AGENTS = {"amal": "101", "brahim": "102", "chaimae": "103", "driss": "104", "laila": "105", "fixe": "106"}
SUPERVISOR, NAILED = "laila", "fixe"
BROWSER = "nadia"
"""Has no phone: works in a browser."""
NUMBERS = ("0539000000", "0539000001", "0539000002", "0539000003", "0539000004")
OWN_PREFIX = "066"
"""Callers' numbers begin so; each call has a number of its own, by which the carrier's record is joined to ours."""

TEXT = """\
name = "Répétition"
country = "MA"
timezone = "{timezone}"
language = "fr"
realm = "repetition"
queue_choice = "{queue_choice}"
[sip]
udp = "192.0.2.1:5060"
tcp = "192.0.2.1:5060"
advertised_host = "192.0.2.1"
session_expires_s = "{session_s} s"
[media]
host = "192.0.2.1"
workers = {workers}
first_port = 20000
ports_per_worker = {ports}
[web]
listen = "192.0.2.1:8080"
[limits]
calls_max = {calls_max}
[calendars.bureau]
hours.mon = ["08:30-18:30"]
hours.tue = ["08:30-18:30"]
hours.sun = ["00:00-01:30"]
[programmes.banque]
numbers = ["0539000000"]
calendar = "always"
languages = ["fr", "es"]
menu_digits = {{ 1 = "fr", 2 = "es" }}
greeting = ["welcome"]
queue = "accueil"
queues_by_language = {{ es = "espagnol" }}
recording = "announce"
closed = "voicemail"
[programmes.direct]
numbers = ["0539000001"]
calendar = "always"
languages = ["fr"]
menu = false
greeting = []
queue = "accueil"
recording = "none"
closed = "message"
priority = 1
[programmes.demande]
numbers = ["0539000002"]
calendar = "always"
languages = ["fr"]
menu = false
greeting = []
queue = "petite"
recording = "ask"
closed = "message"
[programmes.bureau]
numbers = ["0539000003"]
calendar = "bureau"
languages = ["fr"]
menu = false
queue = "guichet"
recording = "none"
closed = "voicemail"
[programmes.etroit]
numbers = ["0539000004"]
calendar = "always"
languages = ["fr"]
menu = false
greeting = []
queue = "petite"
recording = "announce"
closed = "voicemail"
[queues.accueil]
ring_s = 20
wrap_s = {wrap_s}
callback = true
callback_after_s = "5 s"
announce_every_s = "20 s"
comfort = ["comfort"]
missed_pause_after = {missed}
last_agent_s = {last_agent_s}
strategy = "{strategy}"
[queues.espagnol]
language_level = 5
weight = 1.5
keep = {{ "accueil" = {keep} }}
wrap_s = 0
max_wait_s = "{max_wait_s} s"
overflow_to = "accueil"
relax = [{{ after_s = "30 s", levels = {{ language = 2 }} }}]
[queues.guichet]
calendar = "bureau"
overflow_at_close = true
wrap_s = 5
[queues.petite]
strategy = "ring-all"
ring_all_max = {ring_all_max}
ring_s = 12
wrap_s = 5
overflow_size = 1
overflow_no_staff = true
[agents.amal]
phone = "101"
skills = {{ fr = 8, es = 2 }}
queues = ["accueil", "espagnol"]
ready_on_start = true
[agents.brahim]
phone = "102"
skills = {{ fr = 6 }}
[agents.chaimae]
phone = "103"
skills = {{ es = 9, fr = 3 }}
[agents.driss]
phone = "104"
skills = {{ fr = 5, es = 6 }}
queues = ["accueil", "petite"]
own = ["petite"]
[agents.laila]
phone = "105"
skills = {{ fr = 9 }}
supervisor = true
[agents.fixe]
phone = "106"
skills = {{ fr = 9 }}
mode = "nailed"
[agents.nadia]
skills = {{ fr = 7, es = 5 }}
[pause_codes]
break = "Pause"
lunch = "Déjeuner"
[dispositions]
sale = "Vente"
none = "Rien"
[trunks.carrier]
host = "192.0.2.50"
hosts = ["192.0.2.50"]
keep_alive_s = {keep_alive_s}
[trunks.second]
host = "192.0.2.60"
hosts = ["192.0.2.60"]
keep_alive_s = 0
[trunks.silent]
host = "192.0.2.77"
keep_alive_s = 0
[dialling]
concurrent_max = {concurrent_max}
hourly_max = {hourly_max}
[[dialling.routes]]
prefix = "+212"
trunks = ["carrier", "second"]
per_minute = 1.0
[[dialling.routes]]
prefix = "+34"
trunks = ["silent", "second"]
per_minute = 2.0
"""

EVENING_CALLS, EVENING_MONEY = 50, 10_000

STARTS = {
    "a working morning": ("Africa/Casablanca", 1_750_068_000.0),  # Monday 2025-06-16 10:00 UTC
    "just before closing": ("Africa/Casablanca", 1_750_094_880.0),  # Monday 17:28 UTC: 18:28 there
    "just before midnight": ("Africa/Casablanca", 1_750_114_680.0),  # Monday 22:58 UTC: 23:58 there
    "the hour that comes twice": ("Europe/Madrid", 1_792_889_880.0),  # Sunday 2026-10-25, 02:58 summer time
    "the hour that is missing": ("Europe/Madrid", 1_774_745_880.0),  # Sunday 2026-03-29, 01:58 winter time
}
"""Where the wall clock stands when a rehearsal begins, and in which time zone."""


@dataclass(frozen=True, slots=True)
class Variant:
    """What the seed decides about the house."""

    start: str
    values: dict[str, object]

    @property
    def began_at(self) -> float:
        return STARTS[self.start][1]

    @property
    def text(self) -> str:
        return TEXT.format(timezone=STARTS[self.start][0], **self.values)

    @property
    def evening(self) -> str:
        """The caps on outside calls are lifted, so that every callback can be made before the lights go out."""
        lifted = self.values | {
            "concurrent_max": EVENING_CALLS,
            "hourly_max": EVENING_MONEY,
            "keep_alive_s": 0,
        }
        return TEXT.format(timezone=STARTS[self.start][0], **lifted)

    def changed(self, rng: random.Random) -> str:
        """Another centre.toml for the same house: what a supervisor changes during the day."""
        text = self.text.replace("missed_pause_after = 2", f"missed_pause_after = {rng.choice([1, 3])}")
        if rng.random() < 0.4:
            text = text.replace("skills = { fr = 6 }", "skills = { fr = 6, es = 7 }")
        if rng.random() < 0.3:
            text = _without(text, f"[agents.{rng.choice(['driss', NAILED])}]")
        if rng.random() < 0.5:
            gone = rng.choice(["petite", "espagnol", "accueil", "accueil"])
            instead = "petite" if gone == "accueil" else "accueil"
            text = _without(text, f"[queues.{gone}]").replace(f'"{gone}"', f'"{instead}"')
            text = text.replace(f'"{instead}", "{instead}"', f'"{instead}"')
        if rng.random() < 0.3:
            text = _without(text, "[programmes.direct]")
        if rng.random() < 0.3:
            text = _swapped(text, '"0539000002"', '"0539000004"')
        if rng.random() < 0.2:
            text = _swapped(text, 'phone = "102"', 'phone = "103"')
        if rng.random() < 0.3:
            text = text.replace("ring_s = 12", "ring_s = 6").replace(
                "overflow_size = 1\n", "overflow_size = 3\n"
            )
        if rng.random() < 0.2:
            text = text.replace("[queues.accueil]\n", "[queues.accueil]\nring_s = 3\n")  # twice: refused
        return text


def _without(text: str, section: str) -> str:
    """centre.toml without one section."""
    begin = text.index(section)
    return text[:begin] + text[text.index("\n[", begin) + 1 :]


def _swapped(text: str, one: str, other: str) -> str:
    return other.join(part.replace(other, one) for part in text.split(one))


def draw_variant(rng: random.Random) -> Variant:
    return Variant(
        start=rng.choice(sorted(STARTS)),
        values={
            "session_s": rng.choice([90, 90, 120, 1800]),
            "workers": rng.choice([1, 1, 2]),
            "ports": rng.choice([16, 40, 40, 40]),
            "calls_max": rng.choice([6, 100, 100]),
            "wrap_s": rng.choice([0, 10, 30]),
            "queue_choice": rng.choice(["longest-wait", "longest-wait", "service-target", "longest-queue"]),
            "strategy": rng.choice(["longest-idle", "longest-idle", "least-occupied", "random"]),
            "ring_all_max": rng.choice([2, 3, 5]),
            "last_agent_s": rng.choice([0, 20]),
            "keep": rng.choice([0, 0, 1]),
            "missed": 2,
            "max_wait_s": rng.choice([40, 60, 120]),
            "keep_alive_s": rng.choice([0, 10]),
            "concurrent_max": rng.choice([1, 4]),
            "hourly_max": rng.choice([1, 200]),
        },
    )


def write_centre(folder: Path, text: str) -> Path:
    path = folder / "centre.toml"
    path.write_text(text, "utf-8")
    return path


def make_phones(folder: Path, rng: random.Random) -> dict[str, str]:
    """The password of each phone, and `phones.toml` with what proves them: the same ones for a seed."""
    passwords = {phone: f"{rng.getrandbits(96):024x}" for phone in AGENTS.values()}
    lines = [
        f'[phones.{phone}]\nrealm = "{REALM}"\nsha256 = "{ha1(phone, REALM, password)}"'
        for phone, password in passwords.items()
    ]
    path = folder / "phones.toml"
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return passwords
