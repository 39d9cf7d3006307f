"""Data sets of plug-ins, annotations of clips in place, and rewritten annotations."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from emolive.errors import ConfigError
from emolive.plugins import DATASETS, isolated_plugins, load_plugin
from preprocessing import annotations
from preprocessing.annotations import ClipEntry
from preprocessing.cli import main
from preprocessing.datasets import DatasetItem, Issue, Skipped
from preprocessing.datasets.index import index_dataset
from preprocessing.output import OutputFolder
from tests.helpers.small_clips import tone, write_clip, write_face

PLUGIN = '''
from __future__ import annotations
from dataclasses import dataclass
from typing import Annotated
from emolive.cli.config import Range
from emolive.plugins import DATASETS
from preprocessing.datasets import ClipEntry, Issue, Skipped

@DATASETS.register("numbered", title="numbered clips")
@dataclass(frozen=True)
class Numbered:
    """Clips named LABEL_ACTOR.mp4, in 100 % of cases."""

    min_actor: Annotated[int, Range(0)] = 0
    """Smallest actor."""

    def items(self, root):
        for clip in sorted(root.glob("*.mp4")):
            label, actor = clip.stem.split("_")
            if int(actor) < self.min_actor:
                yield Skipped("small actors")
            else:
                split = "testing" if actor == "3" else "training"
                yield ClipEntry(clip.stem, clip.name, clip.name, label, actor, split)
        yield Issue("missing", "actor 9", "It was never recorded.")
'''


@pytest.fixture(autouse=True)
def _registry() -> Iterator[None]:
    """Remove the registrations of a test after it."""
    with isolated_plugins():
        yield


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(PLUGIN)
    return tmp_path


def test_a_plugin_has_options_issues_and_a_split(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for i in (1, 2, 3):
        write_face(here / f"clips/keen_{i}.mp4", "happy", 200 + 10 * i, dimmer=10 * i)
    arguments = ["numbered", "clips", "out", "--plugin", "mine.py", "--size", "32", "--workers", "0"]
    assert main([*arguments, "--min-actor", "2"]) == 0
    out = capsys.readouterr().out
    assert "Skipped: small actors 1." in out
    assert "actor 9: It was never recorded." in out
    assert "split of the data set" in out
    table = annotations.read(here / "out/annotations.csv")
    assert [(i.id, i.label, i.split) for i in table.items] == [
        ("keen_2", "keen", "training"),
        ("keen_3", "keen", "testing"),
    ]
    config, index = OutputFolder(here / "out").plan()
    assert (config.size, index.dataset) == (32, "numbered")
    assert main([*arguments, "--min_actor", "2", "--splits", "none"]) == 0
    assert {item.split for item in annotations.read(here / "out/annotations.csv").items} == {""}
    arguments[2] = "faces"
    assert main([*arguments, "--steps", "faces", "--min-actor", "3"]) == 0
    assert [p.name for p in (here / "faces/landmarks").iterdir()] == ["keen_3.npz"]
    capsys.readouterr()
    assert main(["--help", "--plugin", "mine.py"]) == 0
    assert "  numbered     numbered clips" in capsys.readouterr().out
    assert main(["numbered", "--help", "--plugin", "mine.py"]) == 0
    help_text = capsys.readouterr().out
    assert "Clips named LABEL_ACTOR.mp4, in 100 % of cases." in help_text
    assert "Smallest actor. (default: 0)" in help_text


def test_clips_are_listed_where_they_are(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_clip(here / "clips/keen_1.mp4", sound=tone(1.5))
    assert main(["numbered", "clips", "lists/a.csv", "--plugin", "mine.py"]) == 2
    assert "lists/a.csv cannot be written: No such file" in capsys.readouterr().err
    assert main(["numbered", "clips", "a.csv", "--plugin", "mine.py", "--dry-run"]) == 0
    assert not (here / "a.csv").exists()
    assert main(["numbered", "clips", "a.csv", "--plugin", "mine.py", "--strict"]) == 1
    assert annotations.read(here / "a.csv").items == (
        ClipEntry("keen_1", "clips/keen_1.mp4", "clips/keen_1.mp4", "keen", "1", "training"),
    )
    (here / "lists").mkdir()
    assert main(["numbered", "clips", "lists/a.csv", "--plugin", "mine.py"]) == 0
    assert "train on it with --allow-outside" in capsys.readouterr().out
    assert annotations.read(here / "lists/a.csv", allow_outside=True).items[0].video == "../clips/keen_1.mp4"


RETURN = "return "
IMPORT = "from emolive.plugins import DATASETS; from preprocessing.datasets import *\n"
BROKEN = [
    ("bad name", RETURN + "[]", "cannot be named 'bad name'"),
    ("check", RETURN + "[]", "cannot be named check: that is a command"),
    ("ravdess", RETURN + "[]", "The data set ravdess is registered twice"),
    ("a", RETURN + "[1]", "yields 1"),
    ("a", RETURN + "[]", "has no clips"),
    ("a", RETURN + "root.nothing", "(plugin.py, line 5): AttributeError"),
    ("a", 'yield ClipEntry("a/b")', "yields the id 'a/b'"),
    ("a", 'yield ClipEntry("x")', "x: It has no label"),
    ("a", 'yield ClipEntry("x", label="y")', "neither video nor audio"),
    ("a", 'yield ClipEntry("x", "n.mp4", label="y")', "The file n.mp4 does not exist"),
    ("a", 'yield ClipEntry("x", "f", label="y", split="s")', "no split named s"),
    ("a", 'yield ClipEntry("x", "d", label="y")', "is not a media file"),
]
CLASS = '{}@DATASETS.register("{}")\nclass A:\n def items(self, root):\n  {}'
BROKEN_PLUGINS = [
    *((CLASS.format(IMPORT, name, body), message) for name, body, message in BROKEN),
    ("", "There is no command a"),
    ("1 / 0", "fails (plugin.py, line 1): ZeroDivisionError"),
    ("import no_such_module", "ModuleNotFoundError"),
    ("raise SystemExit(0)", "SystemExit"),
    (f'{IMPORT}@DATASETS.register("a")\nclass A: pass', "lacks the method items"),
    (
        PLUGIN.replace("min_actor: Annotated[int, Range(0)]", "size: int").replace('"numbered"', '"a"'),
        "The option --size",
    ),
    (
        PLUGIN.replace("Annotated[int, Range(0)]", "complex").replace('"numbered"', '"a"'),
        "has an unsupported type",
    ),
]


@pytest.mark.parametrize(("text", "message"), BROKEN_PLUGINS)
def test_errors_of_a_plugin_are_one_line(
    here: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "plugin.py").write_text(text)
    (here / "clips/d").mkdir(parents=True)
    (here / "clips/f").touch()
    assert main(["a", "clips", "out", "--plugin", "plugin.py"]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert not (here / "out").exists()


def test_installed_packages_add_data_sets(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(here))
    (here / "for_entry.py").write_text("class Clips:\n    def items(self, root): return []")
    points = [
        EntryPoint("entered", "for_entry:Clips", DATASETS.group),
        EntryPoint("broken", "for_entry:Nothing", DATASETS.group),
    ]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points)
    monkeypatch.setattr(DATASETS, "_entry_points_read", False)
    (here / "clips").mkdir()
    assert main(["entered", "clips", "out"]) == 2
    assert "The data set entered has no clips in clips." in capsys.readouterr().err
    assert main(["broken", "clips", "out"]) == 2
    assert "The data set broken fails" in capsys.readouterr().err
    assert main(["numbered", "clips", "out", "--plugin", "mine.py"]) == 2
    assert "has no clips in clips. actor 9: It was never recorded." in capsys.readouterr().err


def test_a_repeated_id_is_an_issue(tmp_path: Path) -> None:
    class Repeated:
        def items(self, root: Path) -> list[DatasetItem]:
            clip = ClipEntry("x", "f", "", "keen")
            return [clip, clip, Skipped("others"), Skipped("others"), Issue("corrupt", "y", "It is odd.")]

    (tmp_path / "f").touch()
    index = index_dataset("repeated", Repeated(), tmp_path)
    assert [clip.id for clip in index.clips] == ["x"]
    assert [issue.kind for issue in index.issues] == ["duplicated", "corrupt"]
    assert index.skipped == {"others": 2}
    with pytest.raises(ConfigError, match="There is nothing at "):
        index_dataset("repeated", Repeated(), tmp_path / "nowhere")


def test_the_example(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example = Path(__file__).parents[2] / "examples/plugin_dataset.py"
    for name in ("anna_bored_1", "anna_bored_2", "bert_keen_2", "holiday"):
        write_clip(here / f"clips/{name}.mp4", sound=tone(1.5))
    assert main(["my-clips", "clips", "a.csv", "--plugin", str(example), "--min-recording", "2"]) == 0
    table = annotations.read(here / "a.csv")
    assert [(i.id, i.label, i.actor) for i in table.items] == [
        ("anna_bored_2", "bored", "anna"),
        ("bert_keen_2", "keen", "bert"),
    ]
    out = capsys.readouterr().out
    assert "Skipped: early recordings 1." in out
    assert "holiday.mp4: It is not named ACTOR_LABEL_TAKE.mp4." in out


def test_a_plugin_file_is_run_once(here: Path) -> None:
    load_plugin(here / "mine.py")
    first = DATASETS.get("numbered")
    load_plugin(Path("mine.py"))
    assert DATASETS.get("numbered") is first


def test_annotations_are_relocated_split_and_published(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"01-01-05-01-02-01-{n:02}" for n in (5, 10, 11, 1)]
    (here / "in").mkdir()
    for name in names:
        np.save(here / f"in/{name}.npy", np.zeros((2, 4, 4, 3), np.uint8))
    rows = "".join(f"{n},{n}.npy,,angry,{n[-2:]},\n" for n in names)
    (here / "in/a.csv").write_text(f"id,video,audio,label,actor,split\n{rows}")
    assert main(["annotations", "in/a.csv", "annotations.txt"]) == 0
    sides = ("testing", "testing", "validation", "training")
    published = "".join(f"in/{n}.npy;;5;{side}\n" for n, side in zip(names, sides, strict=True))
    assert (here / "annotations.txt").read_text() == published
    assert main(["annotations", "annotations.txt", "in/b.csv"]) == 0
    back = annotations.read(here / "in/b.csv")
    assert [(i.id, i.video, i.actor, i.label, i.split) for i in back.items] == [
        (n, f"{n}.npy", n[-2:], "angry", side) for n, side in zip(names, sides, strict=True)
    ]
    assert main(["annotations", "annotations.txt", "in/c.csv", "--splits", "loao:2"]) == 0
    assert [i.split for i in annotations.read(here / "in/c.csv").items].count("testing") == 1
    for arguments, message in (
        (["in/a.csv"], "TO is missing: name a second file"),
        (["in/a.csv", "b.xml"], "must end in .csv or .txt"),
        (["in/a.csv", "b.txt", "--splits", "none"], "needs a split"),
        (["nowhere.csv", "b.csv"], "no annotation file"),
    ):
        assert main(["annotations", *arguments]) == 2
        assert message in capsys.readouterr().err
    (here / "in/a.csv").write_text("id,video,audio,label,actor,split\nx,a;b.npy,,angry,1,testing\n")
    (here / "in/a;b.npy").touch()
    assert main(["annotations", "in/a.csv", "b.txt"]) == 2
    assert "semicolon" in capsys.readouterr().err
    assert not (here / "b.txt").exists()
