"""WAV files: recordings written so that a crash costs their unsynced tail at most; files read with suspicion.

Layout after the RIFF specification (Microsoft and IBM, Multimedia Programming Interface 1.0, 1991; more
formats in 1994): `RIFF size WAVE`, then chunks `id size bytes` padded to even length; a compressed format
carries an 18-byte `fmt ` and a `fact` chunk. A file whose sizes are 0xFFFFFFFF is still being written:
readers take it to its end, and `repair` gives it true sizes.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from marhaba.kernel.errors import BadInput, LimitReached
from marhaba.media.g711 import A_LAW, MU_LAW, decode, encode
from marhaba.media.resample import resample

Codec = Literal["alaw", "ulaw", "pcm16"]
Samples = NDArray[np.int16]

RATE = 8000  # what the telephone network carries, and all a worker ever plays
HEADER_BYTES = 58  # RIFF 12 + fmt 26 + fact 12 + data 8, the same for every file we write
BUFFER_BYTES = 8000  # half a second of a stereo call: few system calls, and little to lose
PENDING_BYTES_MAX = 1 << 20  # what a refusing disk may make us hold for one file
DATA_BYTES_MAX = (1 << 32) - 1 - HEADER_BYTES  # a RIFF size has 32 bits: 74 hours of a stereo A-law call
UNFINISHED = 0xFFFFFFFF  # a size not known yet

READ_BYTES_MAX = 128 << 20  # ten minutes of 48 kHz stereo 16-bit sound take 115 MB
READ_S_MAX = 600.0  # longer than any prompt or piece of music on hold; such a file is a mistake
RATE_HZ_MIN, RATE_HZ_MAX = 4000, 192_000  # the range in which recording equipment works
CHANNELS_MAX = 8
CHUNKS_MAX = 64  # editors write fewer than ten; a file of empty chunks shall not keep us busy

FORMAT_PCM, FORMAT_FLOAT, FORMAT_ALAW, FORMAT_ULAW, FORMAT_EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_WRITTEN: dict[Codec, tuple[int, int]] = {
    "alaw": (FORMAT_ALAW, 8),
    "ulaw": (FORMAT_ULAW, 8),
    "pcm16": (FORMAT_PCM, 16),
}
_READABLE = frozenset({(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (6, 8), (7, 8)})  # (format, bits a sample)


class BadWav(BadInput):
    """The file is not a WAV we can use; the message says what was found."""

    code = "bad-wav"


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What `repair` found. `seconds`: the sound it holds; `problem`: why nothing could be done."""

    path: str
    repaired: bool
    seconds: float
    problem: str = ""


class WavWriter:
    """Append-only 8 kHz recording. The header says "unfinished" until `close`.

    `append` only fills a buffer and now and then hands it to the system; `sync` forces it to the disk. Both
    raise OSError when the disk refuses; nothing is then lost or written twice, and the next call tries again.
    `sync` may wait for the disk: a worker calls `flush`, then `os.fdatasync(writer.fileno())` in a thread.
    """

    __slots__ = ("_buffer", "_codec", "_fd", "_written", "channels", "path")

    def __init__(self, path: str | Path, *, channels: int, codec: Codec = "alaw") -> None:
        assert channels in (1, 2), channels
        self.path = str(path)
        self.channels = channels
        self._codec: Codec = codec
        self._buffer = bytearray(_header(codec, channels, UNFINISHED))
        self._written = -HEADER_BYTES  # bytes of sound in the file
        # Never over an existing recording; readable by the owner and the service's group alone.
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        try:
            self.flush()
        except OSError:
            os.close(self._fd)
            self._fd = -1
            raise

    @property
    def seconds(self) -> float:
        return (self._written + len(self._buffer)) / (RATE * self._frame_bytes)

    @property
    def closed(self) -> bool:
        return self._fd < 0

    def append(self, frames: bytes | bytearray | memoryview) -> None:
        """Add whole frames: one byte (A-law, mu-law) or two a channel, channels interleaved."""
        assert self._fd >= 0, "closed"
        buffer = self._buffer
        size = self._written + len(buffer) + len(frames)
        if size > DATA_BYTES_MAX:
            raise LimitReached(f"a recording holds {DATA_BYTES_MAX} bytes at most", code="recording-full")
        if len(buffer) + len(frames) > PENDING_BYTES_MAX:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        buffer += frames
        if len(buffer) >= BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand the buffer to the system. A short write keeps the rest for the next time."""
        assert self._fd >= 0, "closed"
        while self._buffer:
            count = os.write(self._fd, self._buffer)
            del self._buffer[:count]
            self._written += count

    def sync(self) -> None:
        """Everything appended so far survives a power cut once this returns."""
        self.flush()
        os.fdatasync(self._fd)

    def fileno(self) -> int:
        return self._fd

    def close(self) -> None:
        """Write the true sizes and close. The file is closed even when the disk refuses the last bytes."""
        if self._fd < 0:
            return
        try:
            self.flush()
            if self._written % 2:
                os.write(self._fd, b"\0")
            os.pwrite(self._fd, _header(self._codec, self.channels, self._written), 0)
            os.fdatasync(self._fd)
        finally:
            os.close(self._fd)
            self._fd = -1

    @property
    def _frame_bytes(self) -> int:
        return _WRITTEN[self._codec][1] // 8 * self.channels


def repair(path: str | Path) -> RepairReport:
    """Give an unfinished file the sizes its length implies; a finished one is left alone.

    Only the header is touched, so a writer that is still appending to the file is not disturbed.
    """
    with open(path, "r+b") as file:
        head = file.read(HEADER_BYTES)
        file_bytes = os.fstat(file.fileno()).st_size
        if len(head) < HEADER_BYTES:
            return RepairReport(str(path), repaired=False, seconds=0.0, problem="shorter than its header")
        codec, channels, said = _own_header(head, path)
        frame_bytes = _WRITTEN[codec][1] // 8 * channels
        held = min(file_bytes - HEADER_BYTES, DATA_BYTES_MAX)
        held -= held % frame_bytes  # a crash may have cut a frame in two
        # Sound beyond the said size: it was repaired while its writer went on, and then the writer died too.
        if said == UNFINISHED or said > held or held > said + said % 2:
            os.pwrite(file.fileno(), _header(codec, channels, held), 0)
            os.fdatasync(file.fileno())
            return RepairReport(str(path), repaired=True, seconds=held / frame_bytes / RATE)
        return RepairReport(str(path), repaired=False, seconds=said / frame_bytes / RATE)


def repair_folder(folder: str | Path, *, changed_since: float = 0.0) -> list[RepairReport]:
    """Repair every recording below `folder` changed at or after `changed_since` (seconds since the epoch).

    Reports only what was repaired or could not be; files in sound condition are not listed.
    """
    reports = []
    for path in sorted(_wav_files(str(folder), changed_since)):
        try:
            report = repair(path)
        except (BadWav, OSError) as error:
            report = RepairReport(path, repaired=False, seconds=0.0, problem=str(error))
        if report.repaired or report.problem:
            reports.append(report)
    return reports


def read_alaw(path: str | Path, *, seconds_max: float = READ_S_MAX) -> NDArray[np.uint8]:
    """The sound of any WAV as 8 kHz mono A-law. Raises BadWav, and OSError when the file cannot be opened.

    Other rates and channels cost time to convert (0.1 s for a minute at 44.1 kHz): not for a 20 ms tick.
    """
    sound = _read(path, seconds_max)
    if sound.format == FORMAT_ALAW and sound.channels == 1 and sound.rate == RATE:
        return np.frombuffer(sound.data, dtype=np.uint8).copy()
    mixed = resample(_decode(sound).mean(axis=1, dtype=np.float32), sound.rate, RATE)
    return encode(np.rint(mixed).astype(np.int32), A_LAW)


def read_channels(path: str | Path, *, seconds_max: float = READ_S_MAX) -> tuple[list[Samples], int]:
    """Every channel as 16-bit samples, and the rate in Hz. Raises BadWav, and OSError."""
    sound = _read(path, seconds_max)
    decoded = np.clip(np.rint(_decode(sound)), -32768, 32767).astype(np.int16)
    return [np.ascontiguousarray(decoded[:, i]) for i in range(sound.channels)], sound.rate


@dataclass(frozen=True, slots=True)
class _Sound:
    format: int
    channels: int
    rate: int
    bits: int
    data: bytes


def _header(codec: Codec, channels: int, data_bytes: int) -> bytes:
    code, bits = _WRITTEN[codec]
    frame_bytes = bits // 8 * channels
    if data_bytes == UNFINISHED:
        riff = frames = UNFINISHED
    else:
        riff = HEADER_BYTES - 8 + data_bytes + data_bytes % 2
        frames = data_bytes // frame_bytes
    return (
        struct.pack("<4sI4s", b"RIFF", riff, b"WAVE")
        + struct.pack(
            "<4sIHHIIHHH", b"fmt ", 18, code, channels, RATE, RATE * frame_bytes, frame_bytes, bits, 0
        )
        + struct.pack("<4sII", b"fact", 4, frames)
        + struct.pack("<4sI", b"data", data_bytes)
    )


def _own_header(head: bytes, path: str | Path) -> tuple[Codec, int, int]:
    """Codec, channels and said data size of a header `WavWriter` wrote."""
    code, channels = struct.unpack_from("<HH", head, 20)
    (said,) = struct.unpack_from("<I", head, HEADER_BYTES - 4)
    for codec, (own_code, _) in _WRITTEN.items():
        ours = _header(codec, channels, said) if channels in (1, 2) else b""
        if code == own_code and head[8:42] == ours[8:42] and head[50:54] == b"data":
            return codec, channels, said
    raise BadWav(f"{path}: not a recording of ours")


def _wav_files(folder: str, changed_since: float) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _wav_files(entry.path, changed_since)
            elif (
                entry.name.endswith(".wav")
                and entry.is_file(follow_symlinks=False)
                and entry.stat(follow_symlinks=False).st_mtime >= changed_since
            ):
                yield entry.path


def _read(path: str | Path, seconds_max: float) -> _Sound:
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size > READ_BYTES_MAX:
            raise BadWav(f"{path}: larger than {READ_BYTES_MAX >> 20} MiB")
        raw = file.read(READ_BYTES_MAX + 1)
    if len(raw) < 12 or raw[:4] != b"RIFF" or raw[8:12] != b"WAVE":
        raise BadWav(f"{path}: not a WAV file")
    fmt, data = _chunks(raw, path)
    code, channels, rate, bits = _format(fmt, path)
    frame_bytes = channels * bits // 8
    data = data[: len(data) - len(data) % frame_bytes]
    if not data:
        raise BadWav(f"{path}: holds no sound")
    if len(data) > seconds_max * rate * frame_bytes:
        raise BadWav(f"{path}: longer than {seconds_max:g} s")
    return _Sound(code, channels, rate, bits, bytes(data))


def _chunks(raw: bytes, path: str | Path) -> tuple[bytes, memoryview]:
    """The bodies of the `fmt ` and `data` chunks."""
    fmt = b""
    at = 12
    for _ in range(CHUNKS_MAX):
        if at + 8 > len(raw):
            raise BadWav(f"{path}: has no sound chunk")
        name, size = struct.unpack_from("<4sI", raw, at)
        at += 8
        if name == b"data":
            if size == UNFINISHED:
                size = len(raw) - at
            elif size > len(raw) - at:
                raise BadWav(f"{path}: says {size} bytes of sound and holds {len(raw) - at}")
            return fmt, memoryview(raw)[at : at + size]
        if size > len(raw) - at:
            raise BadWav(f"{path}: a chunk of {size} bytes goes beyond the end of the file")
        if name == b"fmt ":
            fmt = raw[at : at + size]
        at += size + size % 2
    raise BadWav(f"{path}: has more than {CHUNKS_MAX} chunks")


def _format(fmt: bytes, path: str | Path) -> tuple[int, int, int, int]:
    """Format code, channels, rate and bits, checked against each other and against our limits."""
    if len(fmt) < 16:
        raise BadWav(f"{path}: has no format before its sound")
    code, channels, rate, _, frame_bytes, bits = struct.unpack_from("<HHIIHH", fmt)
    if code == FORMAT_EXTENSIBLE and len(fmt) >= 40:
        (code,) = struct.unpack_from("<H", fmt, 24)  # the first bytes of the sub-format's GUID
    if (code, bits) not in _READABLE:
        raise BadWav(f"{path}: format {code} with {bits} bits a sample is not supported")
    if not 1 <= channels <= CHANNELS_MAX:
        raise BadWav(f"{path}: {channels} channels")
    if not RATE_HZ_MIN <= rate <= RATE_HZ_MAX:
        raise BadWav(f"{path}: {rate} samples a second")
    if frame_bytes != channels * bits // 8:
        raise BadWav(f"{path}: {frame_bytes} bytes a frame do not fit {channels} channels of {bits} bits")
    return code, channels, rate, bits


def _decode(sound: _Sound) -> NDArray[np.float32]:
    """Samples as (frames, channels) on the 16-bit scale."""
    flat: NDArray[np.float32]
    data = sound.data
    match sound.format, sound.bits:
        case (6, _):
            flat = decode(np.frombuffer(data, np.uint8), A_LAW).astype(np.float32)
        case (7, _):
            flat = decode(np.frombuffer(data, np.uint8), MU_LAW).astype(np.float32)
        case (3, _):
            flat = np.nan_to_num(np.frombuffer(data, "<f4"), nan=0.0, posinf=1.0, neginf=-1.0) * np.float32(
                32768
            )
        case (_, 8):  # 8-bit PCM is unsigned, every other width is signed
            flat = (np.frombuffer(data, np.uint8).astype(np.float32) - 128) * 256
        case (_, 16):
            flat = np.frombuffer(data, "<i2").astype(np.float32)
        case (_, 24):
            octets = np.frombuffer(data, np.uint8).reshape(-1, 3)
            high = octets[:, 2].astype(np.int8).astype(np.float32) * 256
            flat = high + octets[:, 1] + octets[:, 0].astype(np.float32) / np.float32(256)
        case _:
            flat = np.frombuffer(data, "<i4").astype(np.float32) / np.float32(65536)
    return flat.reshape(-1, sound.channels)
