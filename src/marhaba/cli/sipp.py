"""Run SIPp (Debian's sip-tester) as callers and agents, and read its own counts.

What was found with 3.6.1: `rtp_stream` plays raw A-law for any number of calls from one shared port (`-mp`),
each call with its own SSRC, 20 ms apart; `[rtpstream_audio_port]` is that same port. Packets it receives are
not counted, so what was heard is measured elsewhere. Captures (`play_pcap_audio`) leave through a raw socket
and need root. SIPp stops at a SHA-256 challenge: its agents are registered by `marhaba.cli.load_register`.
"""

from __future__ import annotations

import csv
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from marhaba.kernel.errors import MarhabaError
from marhaba.media.dtmf import DigitSender
from marhaba.media.g711 import A_LAW, encode
from marhaba.media.rtp import FRAME, RATE

SCENARIOS = Path(__file__).resolve().parents[3] / "tests" / "journeys" / "sipp"
"""The scenarios of a checkout; an installed wheel has none, and needs none."""
_LOOSE_END_S = 5.0  # from asking SIPp to stop until it is killed
_TONE_S = 1  # of audio.alaw, looped by SIPp: whole periods, so that the loop is not heard


class SippMissingError(MarhabaError):
    """SIPp is not on this machine (Debian: apt-get install sip-tester)."""

    code = "sipp-missing"


@dataclass(frozen=True, slots=True)
class SippCounts:
    created: int
    successful: int
    failed: int
    current: int
    retransmissions: int
    setup_ms_mean: float  # of the scenario's response time "setup"; 0 where it has none
    failures: dict[str, int]  # SIPp's own reasons, only those that occurred


@dataclass(slots=True)
class Sipp:
    """One running SIPp."""

    process: subprocess.Popen[bytes]
    stat_file: Path
    error_file: Path
    quits_itself: bool  # it was given a number of calls

    def wait(self, seconds: float) -> SippCounts:
        """Until it has made or answered all its calls; `TimeoutError` beyond `seconds`, and it is stopped."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.stop()
            raise TimeoutError(f"SIPp still at work after {seconds} s: {self.counts()}") from None
        return self.counts()

    def stop(self) -> SippCounts:
        """Let it end its calls and leave (SIGUSR1), kill it if it does not."""
        for ending in (signal.SIGUSR1, signal.SIGUSR1, signal.SIGKILL):
            if self.process.poll() is None:
                self.process.send_signal(ending)
                try:
                    self.process.wait(_LOOSE_END_S)
                except subprocess.TimeoutExpired:
                    continue
        return self.counts()

    def counts(self) -> SippCounts:
        """The last line of its statistics so far."""
        return read_counts(self.stat_file.read_text()) if self.stat_file.exists() else read_counts("")

    def errors(self) -> str:
        return self.error_file.read_text(errors="replace") if self.error_file.exists() else ""


def start_sipp(
    scenario: Path,
    *,
    folder: Path,
    local: tuple[str, int],
    remote: tuple[str, int] | None = None,
    calls: int = 0,
    rate: float = 10.0,
    pause_ms: int = 1000,
    media_port: int = 6000,
    echo: bool = False,
    keys: Mapping[str, str] | None = None,
    users: Path | None = None,
    simultaneous_max: int = 3000,
) -> Sipp:
    """Start SIPp in `folder`, where its logs and `audio.alaw` are. Without `remote` it answers.

    `calls` 0: it goes on until `stop`. `echo`: it sends back the audio that reaches `media_port`.
    """
    program = shutil.which("sipp")
    if program is None:
        raise SippMissingError("SIPp is missing; on Debian: apt-get install sip-tester")
    name = f"{scenario.stem}-{local[1]}"
    stat_file, error_file = folder / f"{name}.csv", folder / f"{name}.err"
    command = [program, "-sf", str(scenario.resolve()), "-i", local[0], "-p", str(local[1]), "-mi", local[0]]
    command += ["-mp", str(media_port), "-d", str(pause_ms), "-nostdin", "-trace_stat", "-fd", "1"]
    command += ["-stf", str(stat_file), "-trace_err", "-error_file", str(error_file)]
    command += ["-buff_size", str(4 << 20)]
    if remote is not None:
        command += ["-r", f"{rate:g}", "-l", str(simultaneous_max), f"{remote[0]}:{remote[1]}"]
    command += ["-m", str(calls)] if calls else []
    command += ["-rtp_echo"] if echo else []
    command += ["-inf", str(users.resolve())] if users is not None else []
    for key, value in (keys or {}).items():
        command += ["-key", key, value]
    with (folder / f"{name}.out").open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=out)  # noqa: S603 -- list, no shell
    return Sipp(process, stat_file, error_file, quits_itself=calls > 0)


def scenario(name: str) -> Path:
    """One of ours, by name; raises `SippMissingError` outside a checkout."""
    path = SCENARIOS / f"{name}.xml"
    if not path.exists():
        raise SippMissingError(f"the scenario {path} is missing: this needs a checkout of Marhaba")
    return path


def write_tone(folder: Path, *, hz: int) -> Path:
    """`audio.alaw`, what SIPp's callers or agents say."""
    when = np.arange(RATE * _TONE_S) / RATE
    wave = np.rint(8000 * np.sin(2 * np.pi * hz * when)).astype(np.int32)
    path = folder / "audio.alaw"
    path.write_bytes(encode(wave, A_LAW).tobytes())
    return path


def write_digits(folder: Path, digits: str, *, payload_type: int = 101) -> Path:
    """`digits.pcap`: the keys as RFC 4733 events, 20 ms apart, for SIPp to replay (it rewrites the addresses).

    The file format is libpcap's, with Ethernet, IPv4 and UDP headers around each packet.
    """
    sender = DigitSender()
    assert sender.push(digits), digits
    records = []
    sequence = timestamp = 0
    while sender.busy:
        event = sender.event(timestamp)
        if event is not None:
            kind = payload_type | (0x80 if event.marker else 0)
            rtp = struct.pack(">BBHII", 0x80, kind, sequence, event.timestamp, 0xD1617) + event.payload
            records.append(_pcap_record(rtp, milliseconds=timestamp // 8))
            sequence += 1
        timestamp += FRAME
    path = folder / "digits.pcap"
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + b"".join(records))
    return path


def _pcap_record(payload: bytes, *, milliseconds: int) -> bytes:
    udp = struct.pack(">HHHH", 6000, 6000, 8 + len(payload), 0) + payload
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, 0x7F000001, 0x7F000001) + udp
    frame = bytes(12) + b"\x08\x00" + ip
    seconds, rest = divmod(milliseconds, 1000)
    return struct.pack("<IIII", seconds, rest * 1000, len(frame), len(frame)) + frame


def wait_listening(address: tuple[str, int], *, seconds: float = 5.0) -> None:
    """Until a UDP socket is bound at `address` (proc(5), /proc/net/udp); `TimeoutError` otherwise."""
    octets = bytes(int(octet) for octet in address[0].split("."))
    wanted = f"{struct.unpack('<I', octets)[0]:08X}:{address[1]:04X}"
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if any(line.split()[1] == wanted for line in Path("/proc/net/udp").read_text().splitlines()[1:]):
            return
        time.sleep(0.02)
    raise TimeoutError(f"nobody listens at {address[0]}:{address[1]}/udp after {seconds} s")


def read_counts(text: str) -> SippCounts:
    """The last line of a `-trace_stat` file; all zero for an empty one."""
    rows = list(csv.DictReader(text.splitlines(), delimiter=";"))
    last: dict[str, str] = rows[-1] if rows else {}
    failures = {
        name.removesuffix("(C)"): int(value)
        for name, value in last.items()
        if name
        and name.startswith("Failed")
        and name.endswith("(C)")
        and name != "FailedCall(C)"
        and int(value)
    }
    return SippCounts(
        created=int(last.get("TotalCallCreated", 0)),
        successful=int(last.get("SuccessfulCall(C)", 0)),
        failed=int(last.get("FailedCall(C)", 0)),
        current=int(last.get("CurrentCall", 0)),
        retransmissions=int(last.get("Retransmissions(C)", 0)),
        setup_ms_mean=_ms(last.get("ResponseTimesetup(C)", "")),
        failures=failures,
    )


def _ms(clock: str) -> float:
    """SIPp's HH:MM:SS:uuuuuu."""
    if not clock:
        return 0.0
    hours, minutes, seconds, micros = (int(part) for part in clock.split(":"))
    return (hours * 3600 + minutes * 60 + seconds) * 1000 + micros / 1000
