"""A centre's own recordings come first, then the shipped ones, then another language's."""

from pathlib import Path

from marhaba.media.library import PromptLibrary


def put(folder: Path, name: str) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return str(path)


def test_the_order_in_which_a_prompt_is_looked_for(tmp_path: Path) -> None:
    own, shipped = tmp_path / "own", tmp_path / "shipped"
    hello = put(shipped, "es/hello.wav")
    bye = put(shipped, "fr/bye.wav")
    beep = put(shipped, "any/beep.wav")
    library = PromptLibrary(own, shipped=shipped)
    assert library.paths(["hello", "bye", "none", "beep"], "es") == [hello, bye, beep]
    assert library.missing == {("es", "none")}
    ours = put(own, "es/hello.wav")
    assert library.paths(["hello"], "es") == [hello]
    library.forget()
    assert library.paths(["hello"], "es") == [ours]
    assert library.missing == set()


def test_music_by_name_or_silence(tmp_path: Path) -> None:
    tune = put(tmp_path, "music/calm.wav")
    library = PromptLibrary(shipped=tmp_path)
    assert library.music("calm") == tune
    assert library.music("") == ""
    assert library.missing == set()
    assert library.music("none") == ""
    assert library.missing == {("music", "none")}
