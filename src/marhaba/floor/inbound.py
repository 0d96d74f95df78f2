"""A caller arrives: number -> programme -> hours -> greeting -> language -> recording notice -> queue."""

from __future__ import annotations

from marhaba.floor import audio, legs, speech, waiting
from marhaba.floor.floor import Floor
from marhaba.floor.state import Call, Stage
from marhaba.media.protocol import RecordMessage
from marhaba.sip.events import IncomingCall

VOICEMAIL_S_MAX = 120.0
"""Two minutes of message: longer ones are nearly always a forgotten handset."""
MESSAGE_S_MIN = 1.0
"""A shorter message is a hang-up tone."""
CONSENT_WAIT_S = 6.0
"""Silence after the question about recording counts as a refusal."""
GRACE_S = 3.0
"""Between the end of a prompt and asking again."""


def arrive(floor: Floor, incoming: IncomingCall, programme: str) -> None:
    """A caller dialled one of our numbers."""
    if len(floor.state.calls) >= floor.centre.limits.calls_max:
        floor.count("refused_full")
        floor.endpoint.reject(floor.sip_now, incoming.leg, 503, retry_after_s=legs.RETRY_AFTER_S)
        return
    call_id = floor.token()
    floor.emit(
        "call.offered",
        call=call_id,
        programme=programme,
        number=incoming.dialled,
        caller=incoming.caller.number,
        name=incoming.caller.name,
        trunk=incoming.trunk,
        leg=incoming.leg,
    )
    if code := legs.accept(floor, incoming, call=call_id, role="caller"):
        legs.refused(floor, call_id, code)
        return
    floor.emit("call.answered", call=call_id)
    begin(floor, floor.state.calls[call_id])


def begin(floor: Floor, call: Call) -> None:
    """First words: greeting, or what is said when closed."""
    programme = floor.programme(call)
    if (language := programme.language_by_number.get(call.number)) and not call.language:
        floor.emit("call.language", call=call.id, language=language, how="number")
    if not programme.calendar.open_at(floor.wall):
        close(floor, call, why="closed")
    elif not speech.say(floor, call, "greeting", programme.greeting):
        after_greeting(floor, call)


def after_greeting(floor: Floor, call: Call) -> None:
    programme = floor.programme(call)
    if call.language:
        _notice(floor, call)
    elif programme.menu and len(programme.menu_digits) > 1:
        _menu(floor, call)
    else:
        _choose(floor, call, programme.default_language, "default")


def _menu(floor: Floor, call: Call) -> None:
    """Each language is offered in its own voice."""
    paths = [
        path
        for digit, language in floor.programme(call).menu_digits.items()
        for path in floor.prompts.paths([f"menu-{language}", f"digit-{digit}"], language)
    ]
    floor.volatile_of(call.id).tries += 1
    if not speech.say_paths(floor, call, "menu", paths, until_digit=True):
        after_menu(floor, call)


def after_menu(floor: Floor, call: Call) -> None:
    floor.after(floor.programme(call).menu_timeout_s, "menu", call.id)


def menu_silent(floor: Floor, call: Call) -> None:
    programme = floor.programme(call)
    if call.language or call.stage is not Stage.GREETING:
        return
    if floor.volatile_of(call.id).tries < programme.menu_tries:
        _menu(floor, call)
    else:
        _choose(floor, call, programme.default_language, "default")


def digit(floor: Floor, call: Call, key: str) -> None:
    """A key pressed before the queue: the language, or the answer about recording."""
    step = floor.volatile_of(call.id).step
    if step.startswith("consent"):
        if key in ("1", "2"):
            _consent(floor, call, given=key == "1")
        return
    # A caller who knows the menu may choose during the greeting.
    language = floor.programme(call).menu_digits.get(key)
    if call.language or step not in ("greeting", "menu"):
        return
    if language is not None:
        _choose(floor, call, language, "menu")
    elif step == "menu":
        menu_silent(floor, call)


def _choose(floor: Floor, call: Call, language: str, how: str) -> None:
    floor.cancel("menu", call.id)
    speech.hush(floor, call)
    floor.emit("call.language", call=call.id, language=language, how=how)
    _notice(floor, call)


def _notice(floor: Floor, call: Call) -> None:
    policy = floor.programme(call).recording
    if policy == "ask":
        if not speech.say(floor, call, "consent", ["recording-consent"], until_digit=True):
            _consent(floor, call, given=False)
    elif policy == "announce":
        floor.emit("call.consent", call=call.id, given=True, how="announce")
        if not speech.say(floor, call, "notice", ["recording-notice"]):
            to_queue(floor, call)
    else:
        to_queue(floor, call)


def after_consent(floor: Floor, call: Call) -> None:
    floor.after(CONSENT_WAIT_S, "consent", call.id)


def consent_silent(floor: Floor, call: Call) -> None:
    if call.consent is None and call.stage is Stage.GREETING:
        _consent(floor, call, given=False)


def _consent(floor: Floor, call: Call, *, given: bool) -> None:
    floor.cancel("consent", call.id)
    speech.hush(floor, call)
    floor.emit("call.consent", call=call.id, given=given, how="key")
    to_queue(floor, call)


def to_queue(floor: Floor, call: Call) -> None:
    programme = floor.programme(call)
    queue = programme.queues_by_language.get(call.language, programme.queue)
    if queue in floor.centre.queues:
        waiting.enqueue(floor, call, queue, why="first")
    else:  # his programme is gone from the centre, and with it every queue
        close(floor, call, why="closed")


def close(floor: Floor, call: Call, *, why: str) -> None:
    """Nobody will answer: voicemail or a last message, then good-bye. `why`: closed, overflow, no-staff."""
    programme = floor.programme(call)
    floor.emit("call.message", call=call.id, why=why, what=programme.closed)
    floor.volatile_of(call.id).digits = why
    prompts = list(programme.closed_prompts) if why == "closed" else ["no-agent"]
    if programme.closed == "voicemail":
        prompts += ["voicemail-instructions", "beep"]
    audio.sync(floor, call)
    if not speech.say(floor, call, "closing", prompts):
        after_closing(floor, call)


def after_closing(floor: Floor, call: Call) -> None:
    if floor.programme(call).closed != "voicemail":
        legs.hang_up(floor, call.caller_leg, reason="closed")
        return
    volatile = floor.volatile_of(call.id)
    volatile.step, volatile.message_at = "voicemail", floor.now
    floor.media(
        call.caller_leg,
        RecordMessage(
            recording=call.id,
            path=_message_path(floor, call),
            leg=call.caller_leg,
            seconds_max=VOICEMAIL_S_MAX,
        ),
    )


def message_left(floor: Floor, call: Call, path: str, seconds: float) -> None:
    """The message ended by a key, by silence or by its length."""
    _note_message(floor, call, path, seconds)
    if not speech.say(floor, call, "bye", ["goodbye"]):
        legs.hang_up(floor, call.caller_leg, reason="voicemail")


def message_cut(floor: Floor, call: Call) -> None:
    """The caller hung up: most messages end so."""
    volatile = floor.volatile_of(call.id)
    if volatile.step == "voicemail":
        _note_message(floor, call, _message_path(floor, call), floor.now - volatile.message_at)


def _note_message(floor: Floor, call: Call, path: str, seconds: float) -> None:
    if seconds >= MESSAGE_S_MIN:
        floor.emit(
            "voicemail.left",
            call=call.id,
            path=path,
            seconds=round(seconds, 1),
            number=call.caller,
            language=speech.language_of(floor, call),
        )


def _message_path(floor: Floor, call: Call) -> str:
    return str(floor.centre.recordings_folder / "voicemail" / f"{call.id}.wav")
