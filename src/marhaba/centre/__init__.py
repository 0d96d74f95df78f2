"""The centre as its file describes it, for the floor and for the pages: `load_centre` reads, `diff` tells what changed.

loading   files and secrets beside them -> a Centre, or every problem at once
reading   the tables of centre.toml, with calendars, queues and checks: one function a table
model     the Centre: frozen data
secrets   phones.toml
"""

from marhaba.centre.errors import CentreError
from marhaba.centre.loading import diff, load_centre, parse_centre, read_text
from marhaba.centre.model import (
    Agent,
    Centre,
    Limits,
    MediaSettings,
    Programme,
    Queue,
    QueueChoice,
    SipSettings,
    Spending,
    StarCodes,
)
from marhaba.files.problems import Problem
from marhaba.files.queue_rules import ServiceLevel

__all__ = [
    "Agent",
    "Centre",
    "CentreError",
    "Limits",
    "MediaSettings",
    "Problem",
    "Programme",
    "Queue",
    "QueueChoice",
    "ServiceLevel",
    "SipSettings",
    "Spending",
    "StarCodes",
    "diff",
    "load_centre",
    "parse_centre",
    "read_text",
]
