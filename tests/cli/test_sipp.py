"""SIPp started, stopped and read; and what a process tree costs."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from marhaba.cli.processes import cost_of_tree
from marhaba.cli.sipp import read_counts, scenario, start_sipp, wait_listening, write_digits, write_tone
from marhaba.media import rtp
from marhaba.media.dtmf import DigitReceiver, KeyDown

needs_sipp = pytest.mark.skipif(shutil.which("sipp") is None, reason="SIPp is not installed")
CALLER, AGENT = ("127.0.0.22", 5091), ("127.0.0.23", 5092)


@needs_sipp
@pytest.mark.parametrize(("caller", "agent"), [("caller", "agent"), ("caller_audio", "agent_audio")])
def test_callers_and_agents_of_sipp_understand_each_other(tmp_path: Path, caller: str, agent: str) -> None:
    write_tone(tmp_path, hz=400)
    agents = start_sipp(scenario(agent), folder=tmp_path, local=AGENT, calls=5, pause_ms=10, media_port=6300)
    try:
        wait_listening(AGENT)
        callers = start_sipp(
            scenario(caller), folder=tmp_path, local=CALLER, remote=AGENT, calls=5, rate=20, pause_ms=300,
            media_port=6310, keys={"dialled": "0539000000"},
        )  # fmt: skip
        counts = callers.wait(20)
        answered = agents.wait(20)
    finally:
        agents.stop()
    assert (counts.created, counts.successful, counts.failed, counts.failures) == (5, 5, 0, {})
    assert (answered.successful, answered.failed) == (5, 0)


@needs_sipp
def test_a_call_nobody_answers_is_counted_as_failed_and_sipp_is_stopped(tmp_path: Path) -> None:
    callers = start_sipp(
        scenario("caller"), folder=tmp_path, local=CALLER, remote=AGENT, calls=1, pause_ms=10,
        media_port=6310, keys={"dialled": "1"},
    )  # fmt: skip
    with pytest.raises(TimeoutError):
        callers.wait(1.5)
    assert callers.process.poll() is not None


def test_the_last_line_of_the_statistics_counts() -> None:
    text = (
        "TotalCallCreated;CurrentCall;SuccessfulCall(C);FailedCall(C);FailedUnexpectedMessage(C);"
        "FailedCallRejected(C);Retransmissions(C);ResponseTimesetup(C)\n"
        "3;1;2;0;0;0;0;00:00:00:004000\n"
        "9;0;7;2;2;0;1;00:00:01:004500\n"
    )
    counts = read_counts(text)
    assert (counts.created, counts.current, counts.successful, counts.failed) == (9, 0, 7, 2)
    assert (counts.retransmissions, counts.setup_ms_mean) == (1, 1004.5)
    assert counts.failures == {"FailedUnexpectedMessage": 2}
    assert read_counts("").created == 0


def test_keys_for_sipp_are_one_event_each_by_rfc_4733(tmp_path: Path) -> None:
    data = write_digits(tmp_path, "2#").read_bytes()
    receiver, at, keys, tick = DigitReceiver(), 24, "", 0
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        packet = rtp.parse(data[at + 16 + 42 : at + 16 + length])
        assert packet is not None
        assert packet.payload_type == 101
        tick += 1
        said = receiver.receive(packet.timestamp, packet.payload, tick=tick)
        keys += "".join(key.digit for key in said if isinstance(key, KeyDown))
        at += 16 + length
    assert keys == "2#"


def test_cpu_of_a_process_includes_its_children() -> None:
    burn = "import time; until = time.process_time() + 0.3\nwhile time.process_time() < until: pass"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}]); input()"
    with subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE) as process:
        waited = 0
        while cost_of_tree(process.pid).cpu_s < 0.3 and waited < 200:
            waited += 1
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
        cost = cost_of_tree(process.pid)
        assert process.stdin is not None
        process.stdin.close()
    assert cost.cpu_s >= 0.3
    assert cost.rss_mib > 1
    with pytest.raises(ProcessLookupError):
        cost_of_tree(process.pid)


def test_our_own_tree_has_this_process() -> None:
    assert cost_of_tree(os.getpid()).processes >= 1
