"""Secrets of phones and trunks, in `phones.toml` beside centre.toml: readable by its owner alone.

A phone's password is never stored: only H(user:realm:password), which within its realm is worth as much as the
password (RFC 7616 section 5.13), hence the closed file. A trunk's password must be known in clear, because we are the
ones who prove it.
"""

from __future__ import annotations

import json
import os
import re
import secrets as chance
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from marhaba.centre.errors import CentreError
from marhaba.files.problems import Problem
from marhaba.files.sections import NAME, Gathering, Section
from marhaba.files.toml_lines import toml_lines
from marhaba.kernel.errors import BadInput
from marhaba.sip.digest import ha1

PASSWORD_BYTES = 12
"""96 bits, 16 letters and digits to type: beyond guessing over a network."""
FILE_BYTES_MAX = 4 << 20
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_MD5 = re.compile(r"[0-9a-fA-F]{32}")
_HEAD = (
    "# Secrets of this centre. Keep it readable by its owner alone (mode 0600), out of copies and mails.\n"
)


@dataclass(frozen=True, slots=True)
class Secrets:
    """`phones`: SIP user -> {"SHA-256": H(A1), "MD5": H(A1)}; `realms`: the realm each was made for."""

    phones: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    trunks: Mapping[str, str] = field(default_factory=dict, repr=False)
    realms: Mapping[str, str] = field(default_factory=dict)


def load_secrets(path: Path) -> Secrets:
    """Read phones.toml; an absent file holds no secrets. Raises CentreError."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise CentreError([Problem(0, path.name, f"{mode:04o}", "secret_mode")])
            blob = file.read(FILE_BYTES_MAX)
    except FileNotFoundError:
        return Secrets()
    except OSError as error:
        raise CentreError([Problem(0, path.name, error.strerror or "", "readable")]) from error
    return _parse(blob, path.name)


def add_phone(path: Path, user: str, realm: str) -> str:
    """Make a password for SIP user `user`, store what proves it, and return it: it is never shown again."""
    if not NAME.fullmatch(user):
        raise BadInput(f"{user!r} is no name for a phone", code="phone-name")
    old = load_secrets(path)
    password = chance.token_urlsafe(PASSWORD_BYTES)
    phones = dict(old.phones) | {
        user: {"SHA-256": ha1(user, realm, password), "MD5": ha1(user, realm, password, "MD5")}
    }
    _save(path, Secrets(phones, old.trunks, dict(old.realms) | {user: realm}))
    return password


def _parse(blob: bytes, file: str) -> Secrets:
    try:
        text = blob.decode()
        data = tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CentreError([Problem(0, file, "", "toml", {"why": str(error)})]) from error
    gathering = Gathering(toml_lines(text), file=file, secret=True)
    top = Section(gathering, data)
    phones: dict[str, Mapping[str, str]] = {}
    realms: dict[str, str] = {}
    for name, phone in top.named("phones"):
        proofs = {"SHA-256": phone.matching("sha256", _SHA256, "sha256").lower()}
        if phone.has("md5"):
            proofs["MD5"] = phone.matching("md5", _MD5, "md5").lower()
        phones[name] = proofs
        if realm := phone.text("realm", ""):
            realms[name] = realm
        phone.close()
    trunks = {}
    for name, trunk in top.named("trunks"):
        trunks[name] = trunk.text("password")
        trunk.close()
    top.close()
    if gathering.problems:
        raise CentreError(gathering.problems)
    return Secrets(phones, trunks, realms)


def _save(path: Path, secrets: Secrets) -> None:
    """Write atomically, readable by the owner alone from the first byte on."""
    lines = [_HEAD]
    for user in sorted(secrets.phones):
        lines.append(f"[phones.{_quoted(user)}]")
        if realm := secrets.realms.get(user):
            lines.append(f"realm = {_quoted(realm)}")
        keys = {"SHA-256": "sha256", "MD5": "md5"}
        lines += [f'{keys[name]} = "{value}"' for name, value in secrets.phones[user].items()]
        lines.append("")
    for trunk in sorted(secrets.trunks):
        lines += [f"[trunks.{_quoted(trunk)}]", f"password = {_quoted(secrets.trunks[trunk])}", ""]
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            stream.write("\n".join(lines))
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are TOML's for everything printable."""
    return json.dumps(text, ensure_ascii=False)
