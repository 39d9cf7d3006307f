"""Data sets by name: those of others beside our own, lists of clips where they lie, and annotations moved."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
from made_clips import tone, write_clip, write_face

from emolive.errors import EmoliveError
from preprocessing import annotations, datasets
from preprocessing.annotations import ClipEntry
from preprocessing.cli import main
from preprocessing.datasets import Issue, Skipped, register
from preprocessing.output import Output

PLUGIN = '''
from dataclasses import dataclass
from preprocessing.datasets import Fault, Item, LeftOut, option, register

@register("numbered")
@dataclass(frozen=True)
class Numbered:
    """Clips named LABEL_ACTOR.mp4, in 100 % of cases."""

    least: int = option(0, type=int, help="smallest actor")

    def items(self, root):
        for clip in sorted(root.glob("*.mp4")):
            label, actor = clip.stem.split("_")
            if int(actor) < self.least:
                yield LeftOut("small actors")
            else:
                side = "testing" if actor == "3" else "training"
                yield Item(clip.stem, clip.name, clip.name, label, actor, side)
        yield Fault("missing", "actor 9", "Was never recorded.")
'''


@pytest.fixture(autouse=True)
def _registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "_REGISTERED", datasets.registered())


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(PLUGIN)
    return tmp_path


def test_a_class_in_a_file_has_options_faults_and_a_split(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for i in (1, 2, 3):
        write_face(here / f"clips/keen_{i}.mp4", "happy", 200 + 10 * i, dimmer=10 * i)
    arguments = ["numbered", "clips", "out", "--plugin", "mine.py", "--size", "32", "--workers", "0"]
    assert main([*arguments, "--least", "2"]) == 0
    said = capsys.readouterr().out
    assert "Left out: small actors 1." in said
    assert "actor 9: Was never recorded." in said
    assert "the data set's own split" in said
    table = annotations.read(here / "out/annotations.csv")
    assert [(i.id, i.label, i.split) for i in table.items] == [
        ("keen_2", "keen", "training"),
        ("keen_3", "keen", "testing"),
    ]
    plan, scan = Output(here / "out").plan()
    assert (plan.size, scan.dataset) == (32, "numbered")
    assert main([*arguments, "--least", "2", "--splits", "none"]) == 0
    assert {item.split for item in annotations.read(here / "out/annotations.csv").items} == {""}
    assert main(["faces", "clips", "faces", "--layout", "numbered", *arguments[3:], "--least", "3"]) == 0
    assert [p.name for p in (here / "faces/landmarks").iterdir()] == ["keen_3.npz"]
    with pytest.raises(SystemExit):
        main(["--help", "--plugin", "mine.py"])
    assert "Clips named LABEL_ACTOR.mp4, in 100 %" in capsys.readouterr().out


def test_clips_are_listed_where_they_lie(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
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
    assert "reads them with --allow-outside" in capsys.readouterr().out
    assert annotations.read(here / "lists/a.csv", allow_outside=True).items[0].video == "../clips/keen_1.mp4"


RETURN = "return "
IMPORT = "from preprocessing.datasets import *\n"
BROKEN = [
    ("bad name", RETURN + "[]", "can be named bad name"),
    ("faces", RETURN + "[]", "can be named faces"),
    ("ravdess", RETURN + "[]", "two data sets named ravdess"),
    ("a", RETURN + "[1]", "gave 1"),
    ("a", RETURN + "[]", "finds no clip"),
    ("a", RETURN + "root.nothing", "(plugin.py, line 5): AttributeError"),
    ("a", 'yield Item("a/b")', "gave the id 'a/b'"),
    ("a", 'yield Item("x")', "x: It has no label"),
    ("a", 'yield Item("x", label="y")', "neither a video"),
    ("a", 'yield Item("x", "n.mp4", label="y")', "not there"),
    ("a", 'yield Item("x", "f", label="y", split="s")', "no split named s"),
    ("a", 'yield Item("x", "d", label="y")', "no media file"),
]
CLASS = '{}@register("{}")\nclass A:\n def items(self, root):\n  {}'
BROKEN_PLUGINS = [
    *((CLASS.format(IMPORT, name, do), says) for name, do, says in BROKEN),
    ("", "registers no data set"),
    ("1 / 0", "fails (plugin.py, line 1): ZeroDivisionError"),
    ("import no_such_module", "ModuleNotFoundError"),
    ("raise SystemExit(0)", "SystemExit"),
    (f'{IMPORT}@register("a")\nclass A: pass', "lacks the method items"),
    (PLUGIN.replace("least: int", "size: int").replace('"numbered"', '"a"'), "has an option that cannot be"),
]


@pytest.mark.parametrize(("text", "says"), BROKEN_PLUGINS)
def test_what_is_wrong_with_a_class_is_one_sentence(
    here: Path, text: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "plugin.py").write_text(text)
    (here / "clips/d").mkdir(parents=True)
    (here / "clips/f").touch()
    assert main(["a", "clips", "out", "--plugin", "plugin.py"]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert len(said.strip().splitlines()) == 1
    assert not (here / "out").exists()


def test_a_module_and_an_entry_point_are_found(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(here))
    (here / "for_entry.py").write_text("class Clips:\n    def items(self, root): return []")
    points = [
        EntryPoint("entered", "for_entry:Clips", datasets.ENTRY_POINTS),
        EntryPoint("broken", "for_entry:Nothing", datasets.ENTRY_POINTS),
    ]
    monkeypatch.setattr(datasets, "entry_points", lambda group: points)
    (here / "clips").mkdir()
    assert main(["entered", "clips", "out"]) == 2
    said = capsys.readouterr().err
    assert "The data set entered finds no clip in clips." in said
    assert "The plugin for_entry:Nothing fails" in said
    assert main(["numbered", "clips", "out", "--plugin", "mine"]) == 2
    assert "The data set numbered finds no clip in clips. actor 9: Was never" in capsys.readouterr().err


def test_two_clips_of_one_id_are_a_fault(tmp_path: Path) -> None:
    class Twice:
        def items(self, root: Path) -> list[datasets.Found]:
            item = ClipEntry("x", "f", "", "keen")
            return [item, item, Skipped("others"), Skipped("others"), Issue("corrupt", "y", "It is odd.")]

    register("twice")(Twice)
    (tmp_path / "f").touch()
    scan = datasets.scan("twice", Twice(), tmp_path)
    assert [clip.id for clip in scan.clips] == ["x"]
    assert [fault.kind for fault in scan.faults] == ["duplicated", "corrupt"]
    assert scan.left_out == {"others": 2}
    with pytest.raises(EmoliveError, match="There is nothing at "):
        datasets.scan("twice", Twice(), tmp_path / "nowhere")


def test_annotations_are_moved_split_anew_and_published(
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
    for arguments, says in (
        (["in/a.csv"], "Name a second file"),
        (["in/a.csv", "b.xml"], "must end in .csv or .txt"),
        (["in/a.csv", "b.txt", "--splits", "none"], "wants a split"),
        (["nowhere.csv", "b.csv"], "no annotation file"),
    ):
        assert main(["annotations", *arguments]) == 2
        assert says in capsys.readouterr().err
    (here / "in/a.csv").write_text("id,video,audio,label,actor,split\nx,a;b.npy,,angry,1,testing\n")
    (here / "in/a;b.npy").touch()
    assert main(["annotations", "in/a.csv", "b.txt"]) == 2
    assert "semicolon" in capsys.readouterr().err
    assert not (here / "b.txt").exists()
