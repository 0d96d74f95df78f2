"""A seed is played the same way every time, byte for byte, whatever the process."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from marhaba.cli.rehearse import faults_of
from marhaba.kernel.errors import Refused
from marhaba.rehearsal.plan import FAULTS, SHARE, draw_plan, replay_command
from marhaba.rehearsal.rehearse import rehearse

SEED = 1


def test_the_log_of_a_seed_is_the_same_byte_for_byte() -> None:
    first, second = io.StringIO(), io.StringIO()
    one = rehearse(draw_plan(SEED, seconds=120), out=first)
    other = rehearse(draw_plan(SEED, seconds=120), out=second)
    assert first.getvalue() == second.getvalue()
    assert one.digest == other.digest
    assert (one.events, one.calls, one.lives) == (other.events, other.calls, other.lives)
    assert one.events > 50


def test_another_seed_is_another_story() -> None:
    one, other = (rehearse(draw_plan(seed, seconds=60)) for seed in (2, 3))
    assert one.digest != other.digest


@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
def test_the_order_of_hashes_plays_no_part(hash_seed: str) -> None:
    """In processes of their own; the seed has every fault."""
    said = [
        subprocess.run(
            [
                sys.executable,
                "-m",
                "marhaba",
                "rehearse",
                "--seed",
                "5",
                "--hours",
                "0.03",
                "--faults",
                "all",
            ],
            env=os.environ | {"PYTHONHASHSEED": seed, "MARHABA_LANGUAGE": "en"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()[0]
        for seed in (hash_seed, "7")
    ]
    assert said[0] == said[1]
    assert said[0].startswith("seed 5  ")


def test_the_command_that_replays_a_seed_names_what_it_was_asked() -> None:
    assert replay_command(draw_plan(17)) == "marhaba rehearse --seed 17"
    asked = draw_plan(17, faults=frozenset(("power", "loss")), seconds=7_200.0)
    assert replay_command(asked) == "marhaba rehearse --seed 17 --faults loss,power --hours 2"
    assert faults_of("loss,power") == asked.faults
    assert replay_command(draw_plan(17, faults=frozenset())).endswith("--faults none")


def test_a_fault_that_is_not_on_the_menu_is_refused() -> None:
    with pytest.raises(Refused, match="unknown fault plague"):
        faults_of("loss,plague")
    assert faults_of("drawn") is None
    assert faults_of("all") == FAULTS.keys()


def test_two_faults_meet_in_nearly_every_run() -> None:
    """The worked number of the page: how likely is it that two given faults never meet in 300 seeds?"""
    assert (len(FAULTS), SHARE) == (32, 0.3)
    assert round(len(FAULTS) * SHARE, 1) == 9.6
    assert f"{(1 - SHARE**2) ** 300:.1e}" == "5.2e-13"
    plans = [draw_plan(seed) for seed in range(300)]
    assert 8.5 < sum(len(plan.faults) for plan in plans) / len(plans) < 10.1
