"""A centre's file behind the pages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings

TEXT = """\
# Le centre d'essai.
name = "Essai"
country = "MA"
timezone = "Africa/Casablanca"
languages = ["fr", "ar"]

[sip]
advertised_host = "127.0.0.1"

[calendars.bureau]
hours = { mon = ["08:30-12:30", "14:00-18:30"], tue = ["08:30-18:30"] }  # le bureau
holidays = ["morocco", "2027-03-10"]

[calendars.nuit]
hours = { mon = ["22:00-06:00"] }

[programmes.banque]
client = "Banque du Détroit"
numbers = ["0539000000"]
calendar = "bureau"
languages = ["fr", "ar"]
queue = "accueil"

[programmes.hotel]
numbers = ["0539000001"]
calendar = "nuit"
queue = "nuit"

[queues.accueil]
ring_s = "20 s"                    # de sonnerie
language_level = 5

[queues.nuit]
skills = { hotel = 3 }

[agents.amal]
name = "Amal Bennis"
phone = "101"
skills = { fr = 9, ar = 10 }
queues = ["accueil"]

[agents.brahim]
skills = { fr = 8, hotel = 5 }

[trunks.demo]
host = "127.0.0.2"

[pause_codes]
lunch = "Déjeuner"
break = "Pause"
"""


@pytest.fixture
def centre(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The centre's file."""
    file = tmp_path / "centre.toml"
    file.write_text(TEXT, "utf-8")
    environment = replace(settings.ENVIRONMENT, config=file, data=tmp_path)
    monkeypatch.setattr(settings, "ENVIRONMENT", environment)
    return file
