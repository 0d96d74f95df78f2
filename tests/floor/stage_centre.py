"""The centre that is played on the stage."""

from __future__ import annotations

from pathlib import Path

from marhaba.centre import Centre, parse_centre
from marhaba.centre.secrets import Secrets
from marhaba.sip.digest import ha1

REALM, SECRET = "essai", "un secret de scène"
CENTRE = """\
name = "Scène"
country = "MA"
timezone = "Africa/Casablanca"
language = "fr"
realm = "essai"
[sip]
advertised_host = "192.0.2.1"
[media]
[calendars.bureau]
hours.mon = ["08:30-18:30"]
[programmes.banque]
numbers = ["0539000000"]
calendar = "always"
languages = ["fr", "es"]
menu_digits = { 1 = "fr", 2 = "es" }
greeting = ["welcome"]
queue = "accueil"
queues_by_language = { es = "espagnol" }
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
[programmes.demande]
numbers = ["0539000002"]
calendar = "always"
languages = ["fr"]
menu = false
greeting = []
queue = "accueil"
recording = "ask"
closed = "message"
[programmes.bureau]
numbers = ["0539000003"]
calendar = "bureau"
languages = ["fr"]
menu = false
queue = "accueil"
recording = "none"
closed = "voicemail"
[queues.accueil]
ring_s = 20
wrap_s = 10
callback = true
comfort = ["comfort"]
missed_pause_after = 2
[queues.espagnol]
language_level = 5
wrap_s = 0
max_wait_s = "60 s"
overflow_to = "accueil"
[queues.petite]
overflow_size = 1
[agents.amal]
phone = "101"
skills = { fr = 8, es = 2 }
[agents.brahim]
phone = "102"
skills = { fr = 6 }
[agents.chaimae]
phone = "103"
skills = { es = 9, fr = 3 }
[agents.laila]
phone = "104"
skills = { fr = 9 }
supervisor = true
[agents.fixe]
phone = "105"
skills = { fr = 9 }
mode = "nailed"
[pause_codes]
break = "Pause"
lunch = "Déjeuner"
[dispositions]
sale = "Vente"
none = "Rien"
[trunks.carrier]
host = "192.0.2.50"
hosts = ["192.0.2.50"]
keep_alive_s = 0
[trunks.dead]
host = "192.0.2.77"
keep_alive_s = 0
[dialling]
concurrent_max = 2
hourly_max = 5
[[dialling.routes]]
prefix = "+212"
trunks = ["carrier"]
per_minute = 1.0
[[dialling.routes]]
prefix = "+34"
trunks = ["dead", "carrier"]
[[dialling.routes]]
prefix = "+351"
trunks = ["dead"]
"""
PHONES = {"amal": "101", "brahim": "102", "chaimae": "103", "laila": "104", "fixe": "105"}


def parse_centre_of(text: str) -> Centre:
    """A centre with every phone's password."""
    secrets = Secrets(phones={p: {"SHA-256": ha1(p, REALM, SECRET)} for p in PHONES.values()}, trunks={})
    return parse_centre(text, folder=Path("/scene"), secrets=secrets)
