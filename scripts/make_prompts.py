"""Speak the catalogue with espeak-ng into 8 kHz A-law files: `make prompts`. Needs espeak-ng and sox."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

PROMPTS = Path(__file__).parent.parent / "src" / "marhaba" / "media" / "prompts"
VOICES = {"fr": ("fr-fr", 150), "es": ("es", 150), "ar": ("ar", 130), "en": ("en-gb", 150)}
LEVEL_DB = "-6"
NUMBERS = range(1, 51)
MINUTES = range(1, 31)
ARABIC_MINUTES = {1: "دَقِيقَةٍ وَاحِدَة", 2: "دَقِيقَتَيْن"}
"""In the genitive, which every phrase before them asks for: less than, about, between, and."""


def minutes(count: int, language: str) -> str:
    """A number of minutes as people say it."""
    if language == "fr":
        return "une minute" if count == 1 else f"{'vingt et une' if count == 21 else count} minutes"
    if language == "es":
        return "un minuto" if count == 1 else f"{'veintiún' if count == 21 else count} minutos"
    if language == "ar":
        # One and two have forms of their own, three to ten take the plural, more the singular.
        return ARABIC_MINUTES.get(count) or f"{count} {'دَقَائِق' if count <= 10 else 'دَقِيقَة'}"
    return "one minute" if count == 1 else f"{count} minutes"


def texts() -> dict[tuple[str, str], str]:
    """(language, prompt id) -> what it says."""
    catalogue = tomllib.loads((PROMPTS / "catalogue.toml").read_text("utf-8"))
    found = {(language, name): text for name, row in catalogue.items() for language, text in row.items()}
    for language in VOICES:
        found |= {(language, f"number-{n}"): str(n) for n in NUMBERS}
        found |= {(language, f"digit-{n}"): str(n) for n in range(10)}
        found |= {(language, f"minutes-{n}"): minutes(n, language) for n in MINUTES}
    return found


def speak(text: str, language: str, path: Path) -> None:
    voice, speed = VOICES[language]
    path.parent.mkdir(parents=True, exist_ok=True)
    spoken = subprocess.run(
        ["espeak-ng", "-v", voice, "-s", str(speed), "--stdout", text], check=True, capture_output=True
    ).stdout
    silence = [
        "silence",
        "1",
        "0.02",
        "0.5%",
        "reverse",
        "silence",
        "1",
        "0.02",
        "0.5%",
        "reverse",
        "pad",
        "0.05",
        "0.1",
    ]
    subprocess.run(
        [
            "sox",
            "-t",
            "wav",
            "-",
            "-r",
            "8000",
            "-c",
            "1",
            "-e",
            "a-law",
            "-D",
            str(path),
            *silence,
            "norm",
            LEVEL_DB,
        ],
        input=spoken,
        check=True,
        capture_output=True,
    )


def tone(path: Path, *synth: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["sox", "-D", "-n", "-r", "8000", "-c", "1", "-e", "a-law", str(path), *synth], check=True)


def main() -> None:
    for (language, name), text in texts().items():
        speak(text, language, PROMPTS / language / f"{name}.wav")
    tone(PROMPTS / "any" / "beep.wav", "synth", "0.15", "sine", "880", "vol", "0.3")
    tone(PROMPTS / "any" / "beep-end.wav", "synth", "0.15", "sine", "440", "vol", "0.3")
    ring = "synth 0.8 sine 622 tremolo 12 80 vol 0.15 pad 0 2.2 repeat 9"  # in an agent's ear: half a minute
    tone(PROMPTS / "any" / "ring.wav", *ring.split())
    tone(
        PROMPTS / "any" / "ringback.wav",
        "synth",
        "1.5",
        "sine",
        "440",
        "vol",
        "0.2",
        "pad",
        "0",
        "3.5",
        "repeat",
        "5",
    )


if __name__ == "__main__":
    main()
