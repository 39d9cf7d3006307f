"""Files that real users bring: what is read of each, and what is said about it.

One table of expectations; the files lie beside the folder that EMOLIVE_DATA names.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import pytest

from emolive import paths
from emolive.errors import EmoliveError
from emolive.file_analyzer import FileAnalyzer
from emolive.predictor import load_predictor
from emolive.types import Estimate, Modality

pytestmark = pytest.mark.data
FOLDER = paths.data_dir().parent / "cases"
AS_BASE = 0.9
"""Share of the rows whose label is that of the base file at the same time."""
NEARLY_AS_BASE = 0.75
"""The same for files that sound or look different in fact: telephone speech, the next frame of a fast camera.
While the clip's emotion changes no label leads, and such a difference decides."""


@dataclass(frozen=True)
class Case:
    """What is right for a file."""

    name: str
    as_base: float = 0.0
    rows: tuple[int, int] | None = None
    """Number of estimates, from and to."""
    face: float | None = None
    """Share of the rows that are based on a face."""
    voice: float | None = None
    """Share of the rows that are based on a voice; 0: none is."""
    hint: str = ""
    """What nine rows in ten say."""
    at_most: float = 1.0
    """Highest confidence of a row."""
    error: str = ""
    """Part of the sentence instead of any row."""
    notice: str = ""
    """Part of a sentence beside the rows; otherwise none is said."""


CASES = (
    Case("base.mp4", rows=(41, 42), face=1, voice=0.4),
    Case("h264_bframes.avi", as_base=AS_BASE, rows=(41, 42), face=1),
    Case("hdr_pq.mov", as_base=AS_BASE, rows=(41, 42), face=1),
    Case("p.3gp", as_base=NEARLY_AS_BASE, rows=(41, 42), face=1),
    Case("far_face.mp4", as_base=AS_BASE, face=1),
    Case("rotpix180.mp4", as_base=AS_BASE, face=1),
    Case("uhd60_hevc.mp4", as_base=AS_BASE, face=1, voice=0.5),
    Case("raw.h264", rows=(41, 42), face=1, voice=0),
    Case("roll45.mp4", as_base=AS_BASE, rows=(25, 25), face=1),
    Case("dim0.1.mp4", rows=(25, 25), face=1, hint="dark"),
    Case("fps1.mp4", rows=(36, 42), face=0.95),
    Case("tiny64.mp4", hint="far"),
    Case("mask.mp4", hint="covered", at_most=0.7),
    Case("sunglasses.mp4", hint="covered", at_most=0.7),
    Case("sound_rate_changes.ts", face=1, voice=0.85),
    Case("second_sound_is_default.mkv", face=1, voice=0.7, notice="of which number 2 is used"),
    Case("jump_25_hours.ts", rows=(15, 18), notice="jump ahead by 25 h"),
    Case("crema.flv", rows=(10, 13), face=1, voice=0.5),
    Case("antiphase.flac", rows=(15, 20), face=0, voice=1),
    Case("dc_speech.flac", rows=(15, 20), face=0, voice=1),
    Case("speech_20dB_softer.flac", rows=(15, 20), face=0, voice=1),
    Case("length0.wav", rows=(15, 20), face=0, voice=1),
    Case("hum_only.flac", error="There is sound, but no speech"),
    Case("rate48001.wav", error="There is sound, but no speech"),
    Case("half_second.mp4", error="is too short"),
    Case("one_frame.mp4", error="is too short"),
)
NATIVE = ("planes.mp4",)
"""What ends a process if it is believed; read in one of its own."""


@dataclass
class Reading:
    """What was read of a file."""

    estimates: list[Estimate] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    error: str = ""

    @property
    def labels(self) -> dict[int, str]:
        return {round(estimate.t_s / 0.24): estimate.label for estimate in self.estimates}


@pytest.fixture(scope="module")
def read() -> Iterator[object]:
    """Reads a file once, as `emolive analyze` does."""
    said: list[str] = []
    predictor = load_predictor("ia", None, "cpu")
    with FileAnalyzer(predictor, on_corruption=said.append, on_notice=said.append) as analyzer:

        @cache
        def reading(name: str) -> Reading:
            path = FOLDER / name
            if not path.is_file():
                pytest.skip(f"there is no {path}")
            said.clear()
            found = Reading()
            try:
                found.estimates = list(analyzer.analyze(path))[:-1]
            except EmoliveError as error:
                found.error = str(error)
            found.said = list(said)
            return found

        yield reading


def share(estimates: list[Estimate], is_true) -> float:
    return sum(map(is_true, estimates)) / len(estimates)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_file_is_read_as_it_is(read, case: Case):
    found = read(case.name)
    if case.error:
        assert case.error in found.error
        assert not found.estimates
        return
    assert not found.error
    assert found.estimates
    if case.notice:
        assert len(found.said) == 1
        assert case.notice in found.said[0]
    else:
        assert found.said == []
    if case.rows:
        assert case.rows[0] <= len(found.estimates) <= case.rows[1]
    for wanted, has in ((case.face, Modality.has_video), (case.voice, Modality.has_audio)):
        if wanted is not None:
            measured = share(found.estimates, lambda e, has=has: has.fget(e.modality))
            assert measured == 0 if wanted == 0 else measured >= wanted
    if case.hint:
        assert share(found.estimates, lambda e: case.hint in e.hints) >= 0.9
    else:
        # A file is not blamed for what it does not have.
        blamed = Counter(
            hint for e in found.estimates for hint in e.hints if hint not in ("no_face", "no_speech")
        )
        assert max(blamed.values(), default=0) <= 0.1 * len(found.estimates), blamed
    assert max(e.confidence for e in found.estimates) <= case.at_most
    if case.as_base:
        labels, base = found.labels, read("base.mp4").labels
        common = labels.keys() & base.keys()
        assert len(common) >= 0.9 * len(labels)
        assert sum(labels[bin_] == base[bin_] for bin_ in common) >= case.as_base * len(common)


@pytest.mark.parametrize("command", ["analyze", "run --headless --unpaced --source"])
@pytest.mark.parametrize("name", NATIVE)
def test_a_file_that_lies_about_its_sound_is_one_sentence(name: str, command: str):
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"there is no {path}")
    process = subprocess.run(
        [sys.executable, "-m", "emolive.cli", *command.split(), str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )
    assert process.returncode == 2
    # The picture before it may give a row of a session.
    assert process.stdout == "" or command != "analyze"
    lines = [line for line in process.stderr.splitlines() if "Loading" not in line]
    assert len(lines) == 1
    assert "sound of 37 channels cannot be read" in lines[0]


def test_every_case_has_an_expectation():
    if not FOLDER.is_dir():
        pytest.skip(f"there is no {FOLDER}")
    files = {path.name for path in FOLDER.iterdir() if path.suffix != ".md"}
    assert files == {case.name for case in CASES} | set(NATIVE)
