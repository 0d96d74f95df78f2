"""`marhaba bench floor`: the whole centre under load, from outside, over real SIP and RTP on loopback.

What each figure is, and how it is taken (docs/reference/performance.md records them):

- failed: calls that failed in any steady run, SIPp's counts included. A call fails when it is refused, cut off,
  not answered, not ended by BYE on both sides, or, with audio, when a side lost a packet or did not hear the
  other's tone in nine of ten packets.
- invite_to_agent_ms: from the moment before a caller's INVITE is sent until the kernel received the INVITE at
  the agent's port, 10 calls a second, 10 s of talk with G.711 both ways.
- cpu_ms_per_call, signalling_cpu_ms_per_call: user and system time of the supervisor, the floor and the media
  workers over such a run, idle time between included, divided by its calls.
- agent_idle_ms_p50: 20 agents, 2.5 calls a second, talk drawn between 6 and 14 s, agents hang up: from the
  agent's BYE to the next INVITE at that agent, while callers wait.
- calls_per_s_max, audio_calls_per_s_max: the last step of a ramp in which no call failed (with audio: and p99 of
  invite_to_agent_ms stayed within 30 ms); a step that breaks is tried once more.

The generator runs on the same machine and takes its share of it, as it did for the peers' figures.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from marhaba.cli.bench_centre import DIALLED, REALM, CentrePlan, RunningCentre, running_centre
from marhaba.cli.load import LoadPlan, LoadResult, without_audio
from marhaba.cli.load_register import register
from marhaba.cli.sipp import scenario, start_sipp, wait_listening, write_tone
from marhaba.kernel.errors import MarhabaError

AGENTS = 200
RATE = 10.0
TALK_S = 10.0
STEADY_CALLS = 300  # half a minute of arrivals; their CPU is some seconds, far above the clock's 10 ms
SIPP_CALLS = 200
IDLE_AGENTS, IDLE_RATE, IDLE_CALLS = 20, 2.5, 150  # 125 % of what 20 agents can take at 10 s a call
RAMP = (100.0, 150.0, 200.0, 225.0, 250.0, 275.0, 300.0, 350.0, 400.0)
RAMP_AGENTS, RAMP_S, RAMP_PORT_PAIRS = 800, 6.0, 5000
AUDIO_RAMP = (15.0, 20.0, 25.0, 28.0, 31.0, 35.0, 40.0)
AUDIO_RAMP_AGENTS, AUDIO_RAMP_S = 600, 24.0
AUDIO_P99_MS_MAX = 30.0
STEP_TRIES = 2
REST_S = 5.0
ENDING_S = 60.0  # after the last arrival until the generator must have answered

TARGETS = {
    "failed": ["==", 0],
    "invite_to_agent_ms_p50": ["<=", 4.0],
    "invite_to_agent_ms_p99": ["<=", 10.0],
    "cpu_ms_per_call": ["<=", 30.0],
    "signalling_cpu_ms_per_call": ["<=", 6.0],
    "agent_idle_ms_p50": ["<=", 10.0],
    "calls_per_s_max": [">=", 200.0],
    "audio_calls_per_s_max": [">=", 25.0],
}


class NotReady(MarhabaError):
    """The centre refused its agents' phones: it is still full from the step before."""

    code = "not-ready"


@dataclass(frozen=True, slots=True)
class Run:
    """One load on one centre. `failed` counts calls without audio too."""

    result: LoadResult
    failed: int
    failures: dict[str, int]
    cpu_ms_per_call: float
    cpu_ms_by_role: dict[str, float]  # a call
    rss_mib: float

    def setup_ms(self, share: float) -> float:
        return percentile(self.result.setup_ms, share)


def bench_floor() -> dict[str, Any]:
    """Takes about nine minutes."""
    figures: dict[str, float] = {}
    phases: tuple[Callable[[], dict[str, float]], ...] = (
        measure_steady,
        measure_signalling,
        measure_sipp,
        measure_idle,
        measure_ramp,
        measure_audio_ramp,
    )
    for phase in phases:
        say(f"{phase.__name__.replace('_', ' ')} ...")
        found = phase()
        figures["failed"] = figures.get("failed", 0) + found.pop("failed", 0)
        figures |= found
        say(", ".join(f"{key} {value:.4g}" for key, value in found.items()))
    return {"figures": figures, "targets": TARGETS}


def measure_steady() -> dict[str, float]:
    """10 calls a second with audio."""
    with centre(CentrePlan(agents=AGENTS)) as house:
        run = steady(house, audio=True)
        late_ms = tick_late_ms_p99(house)
    assert run.result.audio is not None
    return {
        "failed": run.failed,
        "invite_to_agent_ms_p50": run.setup_ms(0.5),
        "invite_to_agent_ms_p99": run.setup_ms(0.99),
        "invite_to_answer_ms_p50": percentile(run.result.answer_ms, 0.5),
        "cpu_ms_per_call": run.cpu_ms_per_call,
        **{f"{role}_cpu_ms_per_call": value for role, value in run.cpu_ms_by_role.items()},
        "tick_late_ms_p99": late_ms,
        "lost_packets": run.result.audio.lost,
        "generator_lost_packets": run.result.audio.dropped_here + run.result.audio.unsent,
        "generator_late_ms_p99": run.result.own_late_ms_p99,
    }


def measure_signalling() -> dict[str, float]:
    """The same without RTP."""
    with centre(CentrePlan(agents=AGENTS)) as house:
        run = steady(house, audio=False)
    by_role = {f"signalling_{role}_cpu_ms_per_call": value for role, value in run.cpu_ms_by_role.items()}
    return {"failed": run.failed, "signalling_cpu_ms_per_call": run.cpu_ms_per_call, **by_role}


def measure_sipp() -> dict[str, float]:
    """SIPp's own callers and agents, with audio from both: another pair of hands must count the same."""
    with centre(CentrePlan(agents=AGENTS)) as house:
        counted = sipp_calls(house, calls=SIPP_CALLS, rate=RATE, talk_s=TALK_S)
    return {"failed": counted["failed"], "sipp_calls": counted["successful"]}


def measure_idle() -> dict[str, float]:
    """125 % load with varied talk: how long a free agent waits while callers wait."""
    with centre(CentrePlan(agents=IDLE_AGENTS)) as house:
        run = load(
            house, calls=IDLE_CALLS, rate=IDLE_RATE, talk_s=(6.0, 14.0), hangs_up="agent", wait_s_max=120.0
        )
    return {
        "failed": run.failed,
        "agent_idle_ms_p50": percentile(run.result.idle_ms, 0.5),
        "agent_idle_ms_p99": percentile(run.result.idle_ms, 0.99),
    }


def measure_ramp() -> dict[str, float]:
    """1 s of talk without audio, faster and faster until a call fails."""
    with centre(CentrePlan(agents=RAMP_AGENTS, port_pairs=RAMP_PORT_PAIRS)) as house:
        best, broke, _ = ramp(
            house, RAMP, seconds=RAMP_S, fine=lambda run: not run.failed, talk_s=(1.0, 1.0), wait_s_max=10.0
        )
    return {"calls_per_s_max": best, "calls_per_s_broke": broke}


def measure_audio_ramp() -> dict[str, float]:
    """10 s of talk with audio, faster and faster until a call fails or p99 leaves its bound."""

    def fine(run: Run) -> bool:
        return not run.failed and run.setup_ms(0.99) <= AUDIO_P99_MS_MAX

    with centre(CentrePlan(agents=AUDIO_RAMP_AGENTS)) as house:
        best, broke, p99 = ramp(
            house, AUDIO_RAMP, seconds=AUDIO_RAMP_S, fine=fine, talk_s=(TALK_S, TALK_S), audio=True
        )
    return {"audio_calls_per_s_max": best, "audio_calls_per_s_broke": broke, "audio_ramp_ms_p99": p99}


def ramp(
    house: RunningCentre,
    rates: Sequence[float],
    *,
    seconds: float,
    fine: Callable[[Run], bool],
    **changes: Any,
) -> tuple[float, float, float]:
    """The last rate that was fine, the one that was not (0: none), and the p99 of the former.

    A step that breaks is tried once more: what breaks twice is the centre, not a neighbour on the machine.
    """
    warm(house)
    best = best_p99 = 0.0
    for rate in rates:
        for _ in range(STEP_TRIES):
            try:
                run = load(house, calls=round(rate * seconds), rate=rate, **changes)
            except NotReady:
                continue
            p99 = run.setup_ms(0.99)
            say(
                f"  {rate:g}/s: failed {run.failures}, p99 {p99:.1f} ms, CPU {run.cpu_ms_per_call:.1f} ms a call"
            )
            if fine(run):
                best, best_p99 = rate, p99
                break
        else:
            return best, rate, best_p99
    return best, 0.0, best_p99


def warm(house: RunningCentre, *, audio: bool = False) -> None:
    """First calls import and fill caches."""
    load(house, calls=10, rate=RATE, talk_s=(0.5, 0.5), audio=audio)


def measure_start() -> dict[str, Any]:
    """`marhaba bench start`: from the command to the first answered call; memory at rest and under 100 calls."""
    with centre(CentrePlan(agents=AGENTS)) as house:
        first = load(house, calls=1, rate=1.0, talk_s=(0.5, 0.5))
        time.sleep(REST_S)  # the worker opens its ports little by little
        rest, before = house.cost().rss_mib, house.cost().cpu_s
        time.sleep(REST_S)
        idle_ms = (house.cost().cpu_s - before) * 1000 / REST_S
        run = load(house, calls=100, rate=20.0, talk_s=(8.0, 8.0), audio=True, at_peak=True)
        start_s = house.start_s + first.result.answer_ms[0] / 1000 if first.result.answer_ms else 0.0
    figures = {
        "failed": first.failed + run.failed,
        "start_s": start_s,
        "idle_cpu_ms_per_s": idle_ms,
        "rss_mib_at_rest": rest,
        "rss_mib_per_100_calls": run.rss_mib - rest,
    }
    return {"figures": figures, "targets": {"failed": ["==", 0], "start_s": ["<=", 5.0]}}


def steady(house: RunningCentre, *, audio: bool) -> Run:
    warm(house, audio=audio)
    return load(house, calls=STEADY_CALLS, rate=RATE, talk_s=(TALK_S, TALK_S), audio=audio)


def tick_late_ms_p99(house: RunningCentre) -> float:
    """How late the media workers' ticks began since they started; the worst worker's."""
    return max(float(worker["tick_late_ms_p99"]) for worker in house.worker_figures())


def under_full_floor() -> dict[str, float]:
    """For `bench media`: the worker's lateness while the floor takes 10 calls a second."""
    with centre(CentrePlan(agents=AGENTS)) as house:
        run = steady(house, audio=True)
        (worker,) = house.worker_figures()
    return {
        "tick_late_ms_p50": worker["tick_late_ms_p50"],
        "tick_late_ms_p99": worker["tick_late_ms_p99"],
        "tick_late_ms_max": worker["tick_late_ms_max"],
        "floor_late_ticks": worker["late_ticks"],
        "floor_failed": run.failed,
    }


def load(house: RunningCentre, *, calls: int, rate: float, at_peak: bool = False, **changes: Any) -> Run:
    """One load in a process of its own. `at_peak`: memory is read when all calls have arrived, not at the end."""
    plan = LoadPlan(
        server=house.server,
        dialled=DIALLED,
        agents=[(account.user, account.password) for account in house.accounts],
        calls=calls,
        rate=rate,
        realm=REALM,
        **changes,
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "marhaba.cli.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(msgspec.json.encode(plan).decode() + "\n")
        process.stdin.flush()
        if process.stdout.readline() != "ready\n":
            raise NotReady(f"the agents did not register:\n{house.log()[-2000:]}")
        before = house.cpu_by_role()
        process.stdin.write("go\n")
        process.stdin.flush()
        rss = 0.0
        if at_peak:
            _sleep(process, calls / rate + 1.0)
            rss = house.cost().rss_mib
        out, _ = process.communicate(timeout=calls / rate + plan.talk_s[1] + plan.wait_s_max + ENDING_S)
        after = house.cpu_by_role()
        rss = rss or house.cost().rss_mib
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    result = msgspec.json.decode(out, type=LoadResult)
    failures = dict(result.failures)
    if result.audio is not None and not result.failed:
        failures = without_audio(plan, result.audio)
    by_role = {role: (after[role] - before.get(role, 0.0)) * 1000 / calls for role in after}
    return Run(
        result=result,
        failed=sum(failures.values()),
        failures=failures,
        cpu_ms_per_call=sum(by_role.values()),
        cpu_ms_by_role=by_role,
        rss_mib=rss,
    )


def sipp_calls(house: RunningCentre, *, calls: int, rate: float, talk_s: float) -> dict[str, int]:
    """SIPp's callers against SIPp's agents through the centre; failed counts both ends once."""
    agents_at, callers_at = ("127.0.0.3", 5074), ("127.0.0.2", 5075)
    write_tone(house.folder, hz=400)
    register(house.accounts, server=house.server, local=agents_at, realm=REALM)
    agents = start_sipp(
        scenario("agent_audio"), folder=house.folder, local=agents_at, pause_ms=20, media_port=6100
    )
    wait_listening(agents_at)
    callers = start_sipp(
        scenario("caller_audio"),
        folder=house.folder,
        local=callers_at,
        remote=house.server,
        calls=calls,
        rate=rate,
        pause_ms=round(talk_s * 1000),
        media_port=6000,
        keys={"dialled": DIALLED},
    )
    try:
        called = callers.wait(calls / rate + talk_s + ENDING_S)
    finally:
        callers.stop()
        answered = agents.stop()
    missing = calls - min(called.successful, answered.successful)
    return {"failed": max(called.failed, missing), "successful": called.successful}


@contextlib.contextmanager
def centre(plan: CentrePlan) -> Iterator[RunningCentre]:
    """A running centre in a folder of its own that goes with it."""
    with (
        tempfile.TemporaryDirectory(prefix="marhaba-bench-") as folder,
        running_centre(Path(folder), plan) as house,
    ):
        yield house


def percentile(values: list[float], share: float) -> float:
    """Nearest rank; 0 for no values."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def say(text: str) -> None:
    """Progress goes to standard error: standard output is one JSON object."""
    print(text, file=sys.stderr, flush=True)


def _sleep(process: subprocess.Popen[str], seconds: float) -> None:
    """Wait, unless the load ends before."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return
