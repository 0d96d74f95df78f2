"""From the tables of centre.toml to a `Centre`: one function a table, every problem gathered on the way."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import tomllib
import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path as FilePath
from typing import Any

from marhaba.centre.calendars import read_calendars
from marhaba.centre.checks import check_names, check_numbers
from marhaba.centre.errors import CentreError
from marhaba.centre.model import (
    Agent,
    Centre,
    Limits,
    MediaSettings,
    QueueChoice,
    SipSettings,
    Spending,
    StarCodes,
    WebSettings,
)
from marhaba.centre.queues import LANGUAGE_CODE, read_programmes, read_queues
from marhaba.centre.secrets import Secrets
from marhaba.files.problems import LANGUAGES, Problem
from marhaba.files.sections import NAME, Asked, Gathering, Section, syntax_problem
from marhaba.files.toml_lines import Path, toml_lines
from marhaba.kernel.numbers import COUNTRIES, Dialling, Route
from marhaba.kernel.rules import LEVEL_MAX, language_skill
from marhaba.sip.events import Trunk

SIP_PORT = 5060
WEB_PORT = 8080
WORKERS_MAX = 64
SOCKET_PATH_MAX = 107
"""Longest path of a local socket (unix(7)); the floor's stands in data_folder/run."""
CALLS_MAX = 100_000
FLOOR_PAUSES = ("login", "missed", "unreachable", "line-lost", "restart", "removed")
"""Pauses the floor itself sets; no agent chooses them."""
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9.]+):([0-9]{1,5})")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?")
_DATABASE = re.compile(r"postgresql://([^\s:@/]+@)?[^\s@/]*/[^\s@/]+")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}")
_STAR = re.compile(r"\*[0-9]{1,4}")
_REALM = re.compile(r"[A-Za-z0-9._-]{1,64}")


def read_centre(text: str, *, folder: FilePath, secrets: Secrets | None, language: str = "") -> Centre:
    """Build a centre of the text of centre.toml. `secrets` None: they could not be read, ask nothing of them."""
    data = _parsed(text, language)
    gathering = Gathering(toml_lines(text))
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    centre = _read(Section(gathering, data), folder, secrets, digest)
    if gathering.problems:
        raise CentreError(gathering.problems, language=language)
    return centre


@dataclass(frozen=True, slots=True)
class Examined:
    """A file as pages look at it: whatever is wrong with it, what it asks for is known."""

    centre: Centre | None  # None: something is wrong
    problems: tuple[Problem, ...]
    asked: Mapping[Path, Asked]


def examine_centre(text: str, *, folder: FilePath, secrets: Secrets | None) -> Examined:
    """Read valid TOML, and note every key that is asked for on the way. Raises `CentreError` for what is no TOML."""
    data = _parsed(text, "")
    asked: dict[Path, Asked] = {}
    gathering = Gathering(toml_lines(text), asked=asked)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    centre = _read(Section(gathering, data), folder, secrets, digest)
    problems = sorted(gathering.problems, key=lambda problem: problem.line)
    return Examined(None if problems else centre, tuple(problems), asked)


def _parsed(text: str, language: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CentreError([syntax_problem(str(error), text, "centre.toml")], language=language) from error


def _read(top: Section, folder: FilePath, secrets: Secrets | None, digest: str) -> Centre:
    country = top.choice("country", COUNTRIES, what="country") or next(iter(COUNTRIES))
    timezone = _timezone(top)
    data_folder = (folder / top.text("data_folder", "data")).absolute()
    if len(str(data_folder / "run" / "media-00.sock")) > SOCKET_PATH_MAX:
        top.wrong("data_folder", str(data_folder), "socket_path", length=SOCKET_PATH_MAX - 17)
    languages = _languages(top)
    realm = top.matching("realm", _REALM, "realm", "marhaba")
    limits = _limits(top.section("limits"))
    calendars = read_calendars(top, timezone)
    queues = read_queues(top, calendars, languages, limits)
    trunks = _trunks(top, secrets)
    agents = _agents(top, languages, list(queues))
    routes, spending = _dialling(top.section("dialling"), trunks)
    sip = _sip(top.section("sip"), folder)
    programmes = read_programmes(top, calendars, list(queues), languages, country)
    centre = Centre(
        name=top.text("name"),
        country=country,
        timezone=timezone,
        language=top.choice("language", LANGUAGES, "fr", what="language"),
        realm=realm,
        sip=sip,
        media=(media := _media(top.section("media"), sip)),
        web=_web(top, media),
        data_folder=data_folder,
        recordings_folder=_folder(top, "recordings_folder", folder) or data_folder / "recordings",
        prompts_folder=_prompts_folder(top, folder, languages) or data_folder / "prompts",
        phones_file=folder / "phones.toml",
        numbers=check_numbers(top, programmes, country),
        programmes=programmes,
        queues=queues,
        queue_choice=_queue_choice(top),
        agents=agents,
        trunks=trunks,
        pause_codes=_codes(top.section("pause_codes")) or {"pause": "Pause"},
        dispositions=_codes(top.section("dispositions")),
        routes=routes,
        dialling=Dialling(routes),
        spending=spending,
        limits=limits,
        star_codes=_star_codes(top.section("star_codes")),
        secrets=secrets or Secrets(),
        digest=digest,
    )
    check_names(top, centre, secrets)
    top.close()
    return centre


def _timezone(top: Section) -> str:
    name = top.text("timezone")
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        if name:
            top.unknown("timezone", name, sorted(zoneinfo.available_timezones()), "timezone")
        return "UTC"
    return name


def _languages(top: Section) -> list[str]:
    languages = top.texts(
        "languages", LANGUAGES, pattern=LANGUAGE_CODE, expected="language_code", empty=False
    )
    return list(languages or LANGUAGES)


def _queue_choice(top: Section) -> QueueChoice:
    choices = [choice.value for choice in QueueChoice]
    return QueueChoice(top.choice("queue_choice", choices, QueueChoice.LONGEST_WAIT.value))


def _folder(top: Section, key: str, folder: FilePath) -> FilePath | None:
    return (folder / top.text(key)).absolute() if top.has(key) else None


def _prompts_folder(top: Section, folder: FilePath, languages: list[str]) -> FilePath | None:
    """A centre's own recordings; a language beyond the four that ship is only possible with them."""
    path = _folder(top, "prompts_folder", folder)
    if path is not None and not path.is_dir():
        top.wrong("prompts_folder", str(path), "folder")
    for position, language in enumerate(languages):
        if language not in LANGUAGES and (path is None or not (path / language).is_dir()):
            top.wrong(("languages", position), language, "prompts", language=language)
    return path


# -- addresses ---------------------------------------------------------------------------------------------


def _sip(sip: Section, folder: FilePath) -> SipSettings:
    host, udp_port = _address(sip, "udp", f"0.0.0.0:{SIP_PORT}")
    tcp_port = _same_host(sip, "tcp", f"{host}:{udp_port}", host)
    tls_port = _same_host(sip, "tls", "off", host)
    certificate, key = _file(sip, "certificate", folder), _file(sip, "key", folder)
    for name, path in (("certificate", certificate), ("key", key)):
        if tls_port and path is None and not sip.has(name):
            sip.wrong(name, None, "tls_file")
    settings = SipSettings(
        host=host,
        udp_port=udp_port,
        tcp_port=tcp_port,
        tls_port=tls_port,
        advertised_host=_advertised(sip, host),
        certificate=certificate,
        key=key,
        session_expires_s=int(sip.seconds("session_expires_s", 1800, low=90, high=86_400)),
    )
    sip.close()
    return settings


def _address(section: Section, key: str, default: str) -> tuple[str, int]:
    """An address and a port to listen on: "0.0.0.0:5060"."""
    text = section.matching(key, _ADDRESS, "address", default)
    found = _ADDRESS.fullmatch(text) or _ADDRESS.fullmatch(default)
    assert found is not None
    host, port = found[1].strip("[]"), int(found[2])
    if not _is_ip(host) or not 1 <= port <= 65_535:
        section.wrong(key, text, "address")
        return "127.0.0.1", SIP_PORT
    return host, port


def _same_host(sip: Section, key: str, default: str, host: str) -> int:
    if (sip.raw(key) if sip.has(key) else default) in ("off", ""):
        return 0
    other, port = _address(sip, key, default if default != "off" else f"{host}:5061")
    if other != host:
        sip.wrong(key, other, "same_host", host=host)
    return port


def _advertised(sip: Section, host: str) -> str:
    """What is written into SIP and SDP: an address that others reach, so never the one that stands for all."""
    everywhere = ipaddress.ip_address(host).is_unspecified
    text = sip.text("advertised_host", None if everywhere else host)
    if text and (not _is_ip(text) or ipaddress.ip_address(text).is_unspecified):
        sip.wrong("advertised_host", text, "own_address")
    return text


def _media(media: Section, sip: SipSettings) -> MediaSettings:
    settings = MediaSettings(
        host=media.text("host", sip.host),
        workers=media.integer("workers", 1, low=1, high=WORKERS_MAX),
        first_port=media.integer("first_port", 20_000, low=1_024, high=65_534),
        ports_per_worker=media.integer("ports_per_worker", 1_000, low=2, high=16_000),
        rtp_timeout_s=media.seconds("rtp_timeout_s", 20.0, low=5, high=600),
    )
    if not _is_ip(settings.host):
        media.wrong("host", settings.host, "own_address")
    if settings.first_port % 2:
        media.wrong("first_port", settings.first_port, "even_port")
    last = settings.first_port + 2 * settings.ports_per_worker * settings.workers - 1
    if last > 65_535:
        media.wrong("first_port", settings.first_port, "port_range", last=last)
    ports = {sip.tls_port: "tls", sip.tcp_port: "tcp", sip.udp_port: "udp"}
    for port, name in ports.items():
        if settings.first_port <= port <= last:
            media.wrong("first_port", settings.first_port, "port_free", name=f"sip.{name}", port=port)
    media.close()
    return settings


def _web(top: Section, media: MediaSettings) -> WebSettings | None:
    if not top.has("web"):
        return None
    web = top.section("web")
    host, port = _address(web, "listen", f"127.0.0.1:{WEB_PORT}")
    settings = WebSettings(
        host=host,
        port=port,
        address=web.matching("address", _ORIGIN, "origin", f"http://localhost:{port}"),
        database=web.matching("database", _DATABASE, "database", ""),
        first_port=web.integer("first_port", 44_000, low=1_024, high=65_534),
        ports=web.integer("ports", 2_000, low=16, high=40_000),
    )
    last = settings.first_port + settings.ports - 1
    media_last = media.first_port + 2 * media.ports_per_worker * media.workers - 1
    if last > 65_535:
        web.wrong("first_port", settings.first_port, "port_range", last=last)
    elif settings.first_port <= media_last and media.first_port <= last:
        web.wrong(
            "first_port", settings.first_port, "port_free", name="media.first_port", port=media.first_port
        )
    web.close()
    return settings


def _file(section: Section, key: str, folder: FilePath) -> FilePath | None:
    if not section.has(key):
        return None
    path = (folder / section.text(key)).absolute()
    if not path.is_file():
        section.wrong(key, str(path), "file")
    return path


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


# -- people and lines --------------------------------------------------------------------------------------


def _agents(top: Section, languages: list[str], queues: list[str]) -> dict[str, Agent]:
    agents = {}
    for name, section in top.named("agents"):
        skills = section.levels("skills", low=1, high=LEVEL_MAX)
        named = _named_queues(section, "queues", queues) if section.has("queues") else None
        agents[name] = Agent(
            id=name,
            name=section.text("name", name),
            phone=section.name("phone", ""),
            skills={(language_skill(s) if s in languages else s): level for s, level in skills.items()},
            queues=named,
            own=_named_queues(section, "own", queues if named is None else named),
            language=section.choice("language", LANGUAGES, "", what="language"),
            supervisor=section.truth("supervisor", default=False),
            mode="nailed" if section.choice("mode", ["ring", "nailed"], "ring") == "nailed" else "ring",
            ready_on_start=section.truth("ready_on_start", default=False),
        )
        section.close()
    return agents


def _named_queues(section: Section, key: str, queues: Sequence[str]) -> tuple[str, ...]:
    named = section.texts(key, pattern=NAME, expected="name")
    for position, queue in enumerate(named):
        if queue not in queues:
            section.unknown((key, position), queue, queues, "queue")
    return named


def _trunks(top: Section, secrets: Secrets | None) -> dict[str, Trunk]:
    trunks = {}
    for name, section in top.named("trunks"):
        host = section.matching("host", _HOST, "host")
        register = section.truth("register", default=False)
        user = section.text("user", "")
        if register and not user:
            section.wrong("user", None, "trunk_user")
        if user and secrets is not None and name not in secrets.trunks:
            section.wrong("user", user, "trunk_password", trunk=name)
        hosts = section.texts(
            "hosts", (host,) if _is_ip(host) else (), pattern=re.compile(".+"), expected="ip"
        )
        for position, address in enumerate(hosts):
            if not _is_ip(address):
                section.wrong(("hosts", position), address, "ip")
        transport = section.choice("transport", ["udp", "tcp", "tls"], "udp")
        trunks[name] = Trunk(
            name=name,
            host=host,
            port=section.integer("port", SIP_PORT, low=1, high=65_535),
            transport="tcp" if transport == "tcp" else "tls" if transport == "tls" else "udp",
            hosts=hosts,
            user=user,
            password=(secrets.trunks.get(name, "") if secrets is not None else ""),
            realm=section.text("realm", ""),
            register=register,
            register_s=int(section.seconds("register_s", 300, low=60, high=86_400)),
            keep_alive_s=int(section.seconds("keep_alive_s", 30, low=0, high=3_600)),
        )
        section.close()
    return trunks


def _dialling(section: Section, trunks: Mapping[str, Trunk]) -> tuple[tuple[Route, ...], Spending]:
    routes = []
    for route in section.listed("routes"):
        names = route.texts("trunks", pattern=NAME, expected="name", empty=False)
        for position, name in enumerate(names):
            if name not in trunks:
                route.unknown(("trunks", position), name, trunks, "trunk")
        routes.append(
            Route(
                prefix=route.matching("prefix", _PREFIX, "prefix"),
                trunks=names,
                per_minute=route.number("per_minute", 0.0, low=0, high=1_000),
                concurrent_max=route.integer("concurrent_max", 0, low=0, high=CALLS_MAX),
            )
        )
        route.close()
    spending = Spending(
        concurrent_max=section.integer("concurrent_max", 10, low=0, high=CALLS_MAX),
        hourly_max=section.number("hourly_max", 20.0, low=0, high=1_000_000),
    )
    section.close()
    return tuple(routes), spending


# -- codes and limits --------------------------------------------------------------------------------------


def _codes(section: Section) -> dict[str, str]:
    """Codes and what they are called, in the order they are dialled by number."""
    codes = {}
    for code in list(section.data):
        label = section.text(code)
        if not NAME.fullmatch(code):
            section.wrong(code, code, "name")
        elif code in FLOOR_PAUSES:
            section.wrong(code, code, "reserved", names=", ".join(FLOOR_PAUSES))
        else:
            codes[code] = label
    return codes


def _limits(section: Section) -> Limits:
    limits = Limits(
        calls_max=section.integer("calls_max", 500, low=1, high=CALLS_MAX),
        queue_max=section.integer("queue_max", 500, low=1, high=CALLS_MAX),
    )
    section.close()
    return limits


def _star_codes(section: Section) -> StarCodes:
    """Each begins with a star, and none begins another: digits follow some of them."""
    codes = {f.name: section.matching(f.name, _STAR, "star_code", str(f.default)) for f in fields(StarCodes)}
    for name, code in codes.items():
        for other, longer in codes.items():
            if name != other and longer.startswith(code) and section.has(other):
                section.wrong(other, longer, "star_code_free", name=name, code=code)
    section.close()
    return StarCodes(**codes)
