"""The journal's vocabulary is documented, and what changes the state is part of it."""

import re

from marhaba.floor import events
from marhaba.floor.events import KINDS


def test_every_kind_is_documented() -> None:
    documented = set(re.findall(r"\b[a-z]+\.[a-z_]+\b|\baudit\b", events.__doc__ or ""))
    assert documented >= KINDS - {"floor.stopped", "alarm.cleared", "trunk.state"}
    assert KINDS - {"audit"} == {kind for kind in KINDS if kind.count(".") == 1}
