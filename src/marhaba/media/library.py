"""Where a prompt's recording lies: the centre's own first, then the shipped one, then another language's.

A prompt is known by its id; `en/goodbye.wav` below a folder is the English one. What is found nowhere is counted in
`missing` and left out: a caller who hears one sentence less is better off than one who hears an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

SHIPPED = Path(__file__).parent / "prompts"
LANGUAGES = ("fr", "es", "ar", "en")
"""Tried in this order when a prompt does not exist in the caller's language."""
ANY = "any"
"""The folder of sounds without words: beeps, a ringback tone."""


class PromptLibrary:
    """`folder` holds a centre's own recordings and music; None: it has none."""

    def __init__(self, folder: Path | None = None, *, shipped: Path = SHIPPED) -> None:
        self._folders = [shipped] if folder is None else [folder, shipped]
        self._found: dict[tuple[str, str], str] = {}
        self.missing: set[tuple[str, str]] = set()

    def paths(self, ids: Sequence[str], language: str) -> list[str]:
        """The files of `ids` in order, for `prompts` of a `Play`; those that exist nowhere are left out."""
        return [path for prompt in ids if (path := self._path(prompt, language))]

    def music(self, name: str) -> str:
        """The music file of that name, or "" for silence."""
        for folder in self._folders:
            path = folder / "music" / f"{name}.wav"
            if name and path.is_file():
                return str(path)
        if name:
            self.missing.add(("music", name))
        return ""

    def forget(self) -> None:
        """Look at the folders again: recordings were added or replaced."""
        self._found.clear()
        self.missing.clear()

    def _path(self, prompt: str, language: str) -> str:
        known = self._found.get((prompt, language))
        if known is not None:
            return known
        for tried in (language, *(other for other in LANGUAGES if other != language), ANY):
            for folder in self._folders:
                path = folder / tried / f"{prompt}.wav"
                if path.is_file():
                    self._found[prompt, language] = str(path)
                    return str(path)
        self.missing.add((language, prompt))
        return ""
