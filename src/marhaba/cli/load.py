"""`python -m marhaba.cli.load`: callers and agents in one process, to load a centre and time it from outside.

Both ends of every call live here, so one clock times the way from a caller's INVITE (the moment before it is
sent) to the agent's INVITE (the moment the kernel received it). The caller's number in From names the call
at the far end. A plan comes as one JSON line on standard input; `ready` is printed once the agents are
registered; the load begins at the line `go`; the result is one JSON line.
"""

from __future__ import annotations

import random
import secrets
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial

import msgspec

from marhaba.cli.load_audio import AudioFigures
from marhaba.cli.load_register import Account, register
from marhaba.cli.load_sip import Fields, audio_in, read, request, response, sdp, tag_in, user_in
from marhaba.cli.load_wire import Wire

END_S_MAX = 6.0  # from hanging up to both BYEs answered; beyond it the call failed
CANCEL_S_MAX = 1.0  # a call given up while ringing waits this long for its 487
JUDGE_AFTER_S = 0.3  # joining and the first jitter buffer may take this long before silence counts
HEARD_SHARE_MIN = 0.9  # of the checked packets with the other side's tone for a leg to have had audio


class LoadPlan(msgspec.Struct, frozen=True):
    """One load. Callers come from another loopback address than agents: the centre knows them as a trunk."""

    server: tuple[str, int]
    dialled: str
    agents: list[tuple[str, str]]  # user and password, each registered at the agents' port
    calls: int
    rate: float  # calls a second, evenly spaced
    realm: str = "marhaba"
    caller: tuple[str, int] = ("127.0.0.2", 5071)
    agent: tuple[str, int] = ("127.0.0.3", 5072)
    talk_s: tuple[float, float] = (10.0, 10.0)  # drawn evenly
    hangs_up: str = "caller"  # or "agent"
    ring_s: float = 0.0
    wait_s_max: float = 20.0  # from INVITE to both sides talking
    audio: bool = False  # False: both sides say a=inactive, so that no RTP flows in either direction
    audio_ports: tuple[int, int] = (16000, 16010)
    seed: int = 1


class LoadResult(msgspec.Struct, frozen=True):
    calls: int
    failed: int
    failures: dict[str, int]
    setup_ms: list[float]  # caller's INVITE sent -> agent's INVITE received
    answer_ms: list[float]  # caller's INVITE sent -> caller's 200 received
    idle_ms: list[float]  # an agent's BYE -> its next INVITE, while callers waited
    retransmissions: int  # ours: what the centre did not answer within 500 ms
    talking_max: int
    seconds: float
    own_late_ms_p99: float  # this generator's timers
    audio: AudioFigures | None = None


@dataclass(slots=True)
class Side:
    """One dialog of a call."""

    call_id: str
    local: str  # our From or To value, tag included
    remote: str = ""
    target: str = ""
    routes: tuple[str, ...] = ()
    cseq: int = 1
    up: bool = False
    over: bool = False
    user: str = ""


@dataclass(slots=True)
class Call:
    number: int
    caller: Side
    branch: str
    invited_ns: int = 0
    agent: Side | None = None
    failure: str = ""
    talking: bool = False
    hung_up: bool = False
    done: bool = False


@dataclass(slots=True)
class Load:
    plan: LoadPlan
    audio: socket.socket | None = None
    calls: dict[str, Call] = field(default_factory=dict)  # by the caller's number
    by_call_id: dict[str, tuple[Call, Side]] = field(default_factory=dict)
    busy: dict[str, Call] = field(default_factory=dict)  # agent's user -> call
    free_since: dict[str, int] = field(default_factory=dict)  # agent's user -> ns, if callers waited then
    waiting: int = 0  # invited callers no agent was invited for
    launched: int = 0
    done: int = 0
    talking: int = 0
    talking_max: int = 0
    setup_ms: list[float] = field(default_factory=list)
    answer_ms: list[float] = field(default_factory=list)
    idle_ms: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    wire: Wire = field(init=False)
    rng: random.Random = field(init=False)
    caller_sock: socket.socket = field(init=False)
    agent_sock: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.wire = Wire(self.plan.server, receive=self.receive)
        self.rng = random.Random(self.plan.seed)  # noqa: S311 -- talk times, not secrets
        self.caller_sock = self.wire.open(*self.plan.caller)
        self.agent_sock = self.wire.open(*self.plan.agent)

    def run(self) -> LoadResult:
        begin = time.monotonic()
        for number in range(self.plan.calls):
            self.wire.at(begin + number / self.plan.rate, partial(self.launch, number))
        try:
            self.wire.run(lambda: self.done < self.plan.calls)
        finally:
            self.wire.close()
        seconds = time.monotonic() - begin
        late = sorted(self.wire.late_ms)
        return LoadResult(
            calls=self.plan.calls,
            failed=sum(self.failures.values()),
            failures=dict(self.failures),
            setup_ms=self.setup_ms,
            answer_ms=self.answer_ms,
            idle_ms=self.idle_ms,
            retransmissions=self.wire.retransmissions,
            talking_max=self.talking_max,
            seconds=seconds,
            own_late_ms_p99=late[len(late) * 99 // 100] if late else 0.0,
        )

    # the caller's side

    def launch(self, number: int) -> None:
        plan = self.plan
        user = f"06{number:08d}"
        local = f"<sip:{user}@{plan.caller[0]}>;tag={secrets.token_hex(6)}"
        remote = f"<sip:{plan.dialled}@{plan.server[0]}>"
        side = Side(call_id=secrets.token_hex(12), local=local, remote=remote)
        side.target = f"sip:{plan.dialled}@{plan.server[0]}:{plan.server[1]}"
        call = Call(number, side, branch=self._branch())
        self.calls[_token(local)] = call
        self.by_call_id[side.call_id] = (call, side)
        self.launched += 1
        self.waiting += 1
        data = self._request(side, "INVITE", branch=call.branch, body=self._sdp("caller", number))
        call.invited_ns = self.wire.send_until(
            call.branch, self.caller_sock, data, invite=True, lost=lambda: self.fail(call, "silence")
        )
        self.wire.later(plan.wait_s_max, lambda: None if call.talking else self.fail(call, "no-agent"))

    def caller_answered(self, call: Call, fields: Fields, at_ns: int) -> None:
        side = call.caller
        side.remote, side.target = fields.to, fields.contact
        side.routes = tuple(reversed(fields.routes))
        if not side.up:
            side.up = True
            self.answer_ms.append((at_ns - call.invited_ns) / 1e6)
            self._speak(f"c{call.number}", 0, fields.body)
            self.talk_if_both(call)
        self.wire.send(self.caller_sock, self._request(side, "ACK", cseq=1))

    def caller_response(self, call: Call, side: Side, fields: Fields, at_ns: int) -> None:
        if fields.status < 200:
            self.wire.settle(call.branch)
        elif fields.status < 300:
            self.wire.settle(call.branch)
            self.caller_answered(call, fields, at_ns)
        else:
            self.wire.settle(call.branch)
            side.remote = fields.to
            side.over = True
            self.wire.send(self.caller_sock, self._request(side, "ACK", cseq=1, branch=call.branch))
            self.fail(call, f"refused-{fields.status}")

    # the agent's side

    def agent_invited(self, fields: Fields, at_ns: int) -> None:
        call = self.calls.get(_token(fields.from_))
        user = user_in(fields.uri)
        if call is None or call.done or user in self.busy:
            if call is None:
                self.failures["unknown-caller"] += 1
            elif user in self.busy:
                self.failures["agent-not-free"] += 1
            self.wire.send(self.agent_sock, response(fields, "486 Busy Here", tag=secrets.token_hex(6)))
            return
        since = self.free_since.pop(user, 0)
        if since:
            self.idle_ms.append((at_ns - since) / 1e6)
        if call.agent is None:
            self.waiting -= 1
            self.setup_ms.append((at_ns - call.invited_ns) / 1e6)
        side = Side(
            call_id=fields.call_id, local=f"{fields.to};tag={secrets.token_hex(6)}", remote=fields.from_
        )
        side.target, side.routes, side.user, side.cseq = fields.contact, tuple(fields.routes), user, 0
        call.agent = side
        self.busy[user] = call
        self.by_call_id[side.call_id] = (call, side)
        self.wire.send(self.agent_sock, self._agent_response(fields, side, "180 Ringing"))
        self.wire.later(self.plan.ring_s, lambda: self.agent_answers(call, side, fields))

    def agent_answers(self, call: Call, side: Side, fields: Fields) -> None:
        if side.over:
            return
        body = self._sdp("agent", call.number)
        data = self._agent_response(fields, side, "200 OK", body=body)
        key = f"200/{side.call_id}"
        self.wire.send_until(key, self.agent_sock, data, lost=lambda: self.fail(call, "no-ack"))
        self._speak(f"a{call.number}", 1, fields.body)

    def agent_request(self, call: Call, side: Side, fields: Fields, at_ns: int) -> None:
        if fields.method == "ACK":
            if self.wire.settle(f"200/{side.call_id}"):
                side.up = True
                if audio_in(fields.body)[1]:
                    self._speak(f"a{call.number}", 1, fields.body)
                self.talk_if_both(call)
        elif fields.method == "CANCEL":
            self.wire.send(self.agent_sock, response(fields, "200 OK"))
            fields.method = "INVITE"
            self.wire.send(self.agent_sock, self._agent_response(fields, side, "487 Request Terminated"))
            self.side_over(call, side, at_ns)
        elif fields.method == "INVITE" and not side.up:
            return  # a retransmission: ours of the 200 or 180 answers it

    # both sides

    def receive(self, data: bytes, sock: socket.socket, at_ns: int) -> None:
        fields = read(data)
        if fields is None:
            return
        known = self.by_call_id.get(fields.call_id)
        if fields.status:
            if known is not None:
                self.response(known[0], known[1], fields, at_ns)
        elif known is not None:
            self.request(known[0], known[1], fields, sock, at_ns)
        elif fields.method == "INVITE" and sock is self.agent_sock:
            self.agent_invited(fields, at_ns)
        elif fields.method != "ACK":
            self.wire.send(sock, response(fields, "200 OK", tag="load"))

    def response(self, call: Call, side: Side, fields: Fields, at_ns: int) -> None:
        if side is call.caller and fields.method == "INVITE":
            self.caller_response(call, side, fields, at_ns)
        elif fields.method == "BYE" and fields.status >= 200:
            self.wire.settle(f"bye/{side.call_id}")
            if fields.status != 200:
                self.fail(call, f"bye-{fields.status}")
            self.side_over(call, side, 0)

    def request(self, call: Call, side: Side, fields: Fields, sock: socket.socket, at_ns: int) -> None:
        if fields.method == "BYE":
            self.wire.send(sock, response(fields, "200 OK"))
            if not call.hung_up and not call.failure:
                self.fail(call, "cut-off")
            self.side_over(call, side, at_ns)
        elif side is call.agent and (fields.method in ("ACK", "CANCEL") or not side.up):
            self.agent_request(call, side, fields, at_ns)
        elif fields.method in ("INVITE", "UPDATE") and fields.body:
            kind = "caller" if side is call.caller else "agent"
            body = self._sdp(kind, call.number)
            contact = self._contact(side)
            self.wire.send(sock, response(fields, "200 OK", contact=contact, body=body))
        elif fields.method != "ACK":
            self.wire.send(sock, response(fields, "200 OK", contact=self._contact(side)))

    def talk_if_both(self, call: Call) -> None:
        if call.talking or call.failure or call.agent is None or not (call.caller.up and call.agent.up):
            return
        call.talking = True
        self.talking += 1
        self.talking_max = max(self.talking_max, self.talking)
        self.wire.later(JUDGE_AFTER_S, lambda: self._judge(call, judged=True))
        self.wire.later(self.rng.uniform(*self.plan.talk_s), lambda: self.hang_up(call))

    def hang_up(self, call: Call) -> None:
        """The side that hangs up says BYE; the centre says it to the other."""
        if call.done or call.hung_up:
            return
        call.hung_up = True
        self._judge(call, judged=False)
        side = call.agent if self.plan.hangs_up == "agent" else call.caller
        assert side is not None
        at_ns = self.bye(call, side)
        if side is call.agent:
            self._agent_free(call, side, at_ns)
        self.wire.later(END_S_MAX, lambda: self.fail(call, "no-bye"))

    def bye(self, call: Call, side: Side) -> int:
        side.cseq += 1
        sock = self.caller_sock if side is call.caller else self.agent_sock
        data = self._request(side, "BYE", branch=self._branch())
        return self.wire.send_until(f"bye/{side.call_id}", sock, data, seconds=END_S_MAX)

    def side_over(self, call: Call, side: Side, at_ns: int) -> None:
        if side.over:
            return
        side.over = True
        self.wire.settle(f"200/{side.call_id}")
        if side is call.agent and at_ns:
            self._agent_free(call, side, at_ns)
        if call.caller.over and (call.agent is None or call.agent.over):
            self.finish(call)

    def fail(self, call: Call, why: str) -> None:
        """Count it once, and end what is left of it."""
        if call.done or call.failure:
            if why == "no-bye" or call.caller.over:
                self.finish(call)
            return
        call.failure = why
        self.failures[why] += 1
        if not call.hung_up and not call.caller.over:
            call.hung_up = True
            if call.caller.up:
                self.bye(call, call.caller)
            else:
                self._cancel(call)
            self.wire.later(END_S_MAX if call.caller.up else CANCEL_S_MAX, lambda: self.finish(call))
        elif call.caller.over or why == "no-bye":
            self.finish(call)

    def finish(self, call: Call) -> None:
        if call.done:
            return
        call.done = True
        self.done += 1
        if call.agent is None:
            self.waiting -= 1
        else:
            if self.busy.get(call.agent.user) is call:
                del self.busy[call.agent.user]
            self._close(f"a{call.number}")
        self.talking -= call.talking
        self._close(f"c{call.number}")
        self.wire.settle(call.branch)

    def _agent_free(self, call: Call, side: Side, at_ns: int) -> None:
        if self.busy.get(side.user) is call:
            del self.busy[side.user]
            if self.waiting > 0:
                self.free_since[side.user] = at_ns

    def _cancel(self, call: Call) -> None:
        """RFC 3261 section 9.1: same branch as the INVITE."""
        data = self._request(call.caller, "CANCEL", cseq=1, branch=call.branch)
        self.wire.send(self.caller_sock, data)

    def _branch(self) -> str:
        return f"z9hG4bK{secrets.token_hex(8)}"

    def _contact(self, side: Side) -> str:
        host, port = self.plan.agent if side.user else self.plan.caller
        return f"sip:{side.user or 'caller'}@{host}:{port}"

    def _request(self, side: Side, method: str, *, branch: str = "", cseq: int = 0, body: str = "") -> bytes:
        host, port = self.plan.agent if side.user else self.plan.caller
        return request(
            method,
            side.target,
            via=f"{host}:{port};branch={branch or self._branch()};rport",
            from_=side.local,
            to=side.remote,
            call_id=side.call_id,
            cseq=cseq or side.cseq,
            contact=self._contact(side) if method == "INVITE" else "",
            routes=side.routes,
            body=body,
        )

    def _agent_response(self, fields: Fields, side: Side, status: str, *, body: str = "") -> bytes:
        return response(fields, status, tag=tag_in(side.local), contact=self._contact(side), body=body)

    def _sdp(self, kind: str, number: int) -> str:
        host = self.plan.caller[0] if kind == "caller" else self.plan.agent[0]
        direction = "sendrecv" if self.plan.audio else "inactive"
        return sdp(host, self.plan.audio_ports[kind == "agent"], number + 1, direction=direction)

    def _speak(self, leg: str, side: int, body: str) -> None:
        host, port = audio_in(body)
        if port:
            self._audio(f"open {leg} {side} {host} {port}")

    def _judge(self, call: Call, *, judged: bool) -> None:
        verb = "judge" if judged and not call.hung_up else "unjudge"
        self._audio(f"{verb} c{call.number}\n{verb} a{call.number}")

    def _close(self, leg: str) -> None:
        self._audio(f"close {leg}")

    def _audio(self, line: str) -> None:
        if self.audio is not None:
            self.audio.sendall(line.encode() + b"\n")


def _token(value: str) -> str:
    """What a centre keeps of a caller's number, however it writes it: 0600000001 or +212600000001."""
    return user_in(value)[-9:]


def start_audio(plan: LoadPlan) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """The audio process of a load, and the socket it obeys."""
    ours, theirs = socket.socketpair()
    fd = theirs.fileno()
    command = [sys.executable, "-m", "marhaba.cli.load_audio", str(fd), plan.caller[0], plan.agent[0]]
    command += [str(port) for port in plan.audio_ports]
    process = subprocess.Popen(command, pass_fds=[fd])  # noqa: S603 -- our own module
    theirs.close()
    assert ours.recv(16) == b"ready\n"
    return process, ours


def end_audio(process: subprocess.Popen[bytes], commands: socket.socket) -> AudioFigures:
    commands.sendall(b"end\n")
    answer = b""
    while not answer.endswith(b"\n"):
        part = commands.recv(1 << 20)
        assert part, "the audio process ended without its figures"
        answer += part
    commands.close()
    process.wait()
    return msgspec.json.decode(answer, type=AudioFigures)


def without_audio(plan: LoadPlan, figures: AudioFigures) -> dict[str, int]:
    """Calls in which one side did not hear the other, or packets were lost: they failed too."""
    failed: Counter[str] = Counter()
    for number in range(plan.calls):
        legs = (f"c{number}", f"a{number}")
        if any(figures.heard_share.get(leg, 0.0) < HEARD_SHARE_MIN for leg in legs):
            failed["not-heard"] += 1
        elif any(leg in figures.legs_lost for leg in legs):
            failed["packets-lost"] += 1
    return dict(failed)


def run_load(plan: LoadPlan) -> LoadResult:
    """Agents must be registered already."""
    if not plan.audio:
        return Load(plan).run()
    process, commands = start_audio(plan)
    result = Load(plan, audio=commands).run()
    return msgspec.structs.replace(result, audio=end_audio(process, commands))


def main() -> int:
    plan = msgspec.json.decode(sys.stdin.readline(), type=LoadPlan)
    accounts = [Account(user, password) for user, password in plan.agents]
    register(accounts, server=plan.server, local=plan.agent, realm=plan.realm)
    print("ready", flush=True)
    if sys.stdin.readline().strip() != "go":
        return 1
    print(msgspec.json.encode(run_load(plan)).decode(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
