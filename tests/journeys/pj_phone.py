"""A phone by another hand: PJSIP (pjsua2), run as a process of its own, at most four calls.

    python tests/journeys/pj_phone.py '{"dial": "sip:0539000000@127.0.0.1:5060", "port": 5090, "seconds": 8}'

The one argument is JSON: `port` (SIP), `host`, `user`, `password` and `server` (to register, "host:port"), `dial`
(a SIP URI) or nothing (answer every call), `say` and `save` (WAV files, 8 kHz), `press` ([[digits, at_s], ...] after
the answer), `hold_s` ([from, to] after the answer), `transfer` ([URI, at_s]), `seconds` (whole life), `codec`
("PCMA" or "PCMU"), `transport` ("udp" or "tcp"). What happens is printed as JSON lines, {"event": ...}; the first
lines are PJSIP's own and no JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import pjsua2 as pj

OPTIONS: dict[str, Any] = json.loads(sys.argv[1])
HOST = OPTIONS.get("host", "127.0.0.1")
PORT = int(OPTIONS["port"])
ALIVE: list[Any] = []  # PJSIP frees what Python forgets: every object stays until the process ends


def say(event: str, **values: Any) -> None:
    print(json.dumps({"event": event, **values}), flush=True)


class Call(pj.Call):
    """One call; the prompt is played into it and what it brings is recorded."""

    answered_at = 0.0

    def onCallState(self, prm: Any) -> None:  # noqa: N802 -- PJSIP's name
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.answered_at = time.monotonic()
        say("state", state=info.stateText, status=info.lastStatusCode, reason=info.lastReason)

    def onCallMediaState(self, prm: Any) -> None:  # noqa: N802
        info = self.getInfo()  # kept: its parts are freed with it
        for at, media in enumerate(info.media):
            say("media", status=int(media.status), direction=int(media.dir))
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                audio = self.getAudioMedia(at)
                if PLAYER is not None:
                    PLAYER.startTransmit(audio)
                if RECORDER is not None:
                    audio.startTransmit(RECORDER)

    def onDtmfDigit(self, prm: Any) -> None:  # noqa: N802
        say("digit", digit=prm.digit)

    def onCallTransferStatus(self, prm: Any) -> None:  # noqa: N802
        say("transfer", status=prm.statusCode, final=bool(prm.finalNotify))

    def report(self) -> None:
        """RTP statistics, as PJSIP counted them."""
        try:
            rtcp = self.getStreamStat(0).rtcp
        except pj.Error:
            return
        received = rtcp.rxStat
        say(
            "rtp",
            sent=rtcp.txStat.pkt,
            received=received.pkt,
            lost=received.loss,
            jitter_us=received.jitterUsec.mean,
        )


class Account(pj.Account):
    def onRegState(self, prm: Any) -> None:  # noqa: N802
        say("registered" if self.getInfo().regIsActive else "not-registered", status=prm.code)

    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802
        call = Call(self, prm.callId)
        ALIVE.append(call)
        say("incoming", remote=call.getInfo().remoteUri)
        answer = pj.CallOpParam()
        answer.statusCode = 200
        call.answer(answer)


def endpoint() -> pj.Endpoint:
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = 0
    config.medConfig.clockRate = config.medConfig.sndClockRate = 8000
    config.medConfig.ecTailLen = 0
    config.medConfig.noVad = True  # otherwise it falls silent in a steady tone
    made = pj.Endpoint()
    made.libCreate()
    made.libInit(config)
    transport = pj.TransportConfig()
    transport.port = PORT
    transport.boundAddress = transport.publicAddress = HOST
    tcp = OPTIONS.get("transport") == "tcp"
    made.transportCreate(pj.PJSIP_TRANSPORT_TCP if tcp else pj.PJSIP_TRANSPORT_UDP, transport)
    made.libStart()
    made.audDevManager().setNullDev()
    wanted = OPTIONS.get("codec", "PCMA")
    for codec in made.codecEnum2():
        made.codecSetPriority(codec.codecId, 200 if wanted in codec.codecId else 0)
    return made


def account() -> Account:
    config = pj.AccountConfig()
    user = OPTIONS.get("user", f"pj{PORT}")
    server = OPTIONS.get("server", "")
    transport = ";transport=tcp" if OPTIONS.get("transport") == "tcp" else ""
    config.idUri = f"sip:{user}@{server or f'{HOST}:{PORT}'}"
    if OPTIONS.get("password"):
        config.regConfig.registrarUri = f"sip:{server}{transport}"
        credentials = pj.AuthCredInfo("digest", "*", user, 0, OPTIONS["password"])
        config.sipConfig.authCreds.append(credentials)
    media = config.mediaConfig.transportConfig
    media.port = PORT + 1000
    media.boundAddress = media.publicAddress = HOST
    made = Account()
    made.create(config)
    return made


def appointments(call: Call) -> list[tuple[float, Any]]:
    """What the hands do, in seconds after the answer."""
    todo: list[tuple[float, Any]] = []
    for digits, at_s in OPTIONS.get("press", []):
        todo.append((at_s, lambda digits=digits: call.dialDtmf(digits)))
    if "hold_s" in OPTIONS:
        begin, end = OPTIONS["hold_s"]
        todo.append((begin, lambda: call.setHold(pj.CallOpParam(True))))
        back = pj.CallOpParam(True)
        back.opt.flag = pj.PJSUA_CALL_UNHOLD
        todo.append((end, lambda: call.reinvite(back)))
    if "transfer" in OPTIONS:
        uri, at_s = OPTIONS["transfer"]
        todo.append((at_s, lambda: call.xfer(uri, pj.CallOpParam(True))))
    return sorted(todo, key=lambda item: item[0])


def live() -> None:
    until = time.monotonic() + float(OPTIONS.get("seconds", 10))
    todo: list[tuple[float, Any]] | None = None
    while time.monotonic() < until:
        time.sleep(0.02)
        calls = [item for item in ALIVE if isinstance(item, Call)]
        if not calls:
            continue
        if todo is None and calls[0].answered_at:
            todo = appointments(calls[0])
        while todo and time.monotonic() >= calls[0].answered_at + todo[0][0]:
            act = todo.pop(0)[1]
            if calls[0].isActive():
                act()
        if OPTIONS.get("dial") and calls[0].answered_at and not calls[0].isActive():
            return


ENDPOINT = endpoint()
PLAYER: Any = None
RECORDER: Any = None
if OPTIONS.get("say"):
    PLAYER = pj.AudioMediaPlayer()
    PLAYER.createPlayer(OPTIONS["say"])
if OPTIONS.get("save"):
    RECORDER = pj.AudioMediaRecorder()
    RECORDER.createRecorder(OPTIONS["save"])
ACCOUNT = account()
say("ready", port=PORT)
if OPTIONS.get("dial"):
    FIRST = Call(ACCOUNT)
    ALIVE.append(FIRST)
    FIRST.makeCall(OPTIONS["dial"], pj.CallOpParam(True))
live()
for item in ALIVE:
    if item.isActive():
        item.report()
        item.hangup(pj.CallOpParam(True))
time.sleep(0.5)
ENDPOINT.libDestroy()  # ends the recording with a true header
say("end")
sys.stdout.flush()
os._exit(0)  # Python would free PJSIP's objects once more, in an order that it does not survive
