"""Copies a small part of the data of the shipped weights, in its layout, for `make_weights.sh --rehearse`.

    python tools/small_data.py DATA OUT

A few actors with two clips of each label, a few faces of each expression, and two clips of strangers.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sys
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

ACTORS = ("02", "03", "04", "07")
TRIAL = re.compile(rf"(01-01-\d\d-01-01-0[12]-(?:{'|'.join(ACTORS)}))/")
FACES = {"FER2013Train": 6, "FER2013Valid": 2}
"""Faces of each expression."""
EXPRESSIONS = 8
STRANGERS = 2


def copy_landmarks(source: Path, target: Path) -> None:
    """The trials of the actors in an archive of landmarks."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with np.load(source) as stored:
        chosen = {name: stored[name] for name in stored.files if TRIAL.match(name)}
    np.savez(target, allow_pickle=False, **chosen)


def copy_faces(source: Path, target: Path) -> None:
    """A few faces of each expression, in FERPlus's layout, with the tables as they are."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        names = set(old.namelist())
        taken: Counter[tuple[str, int]] = Counter()
        for name in sorted(name for name in names if "/" not in name):
            new.writestr(name, old.read(name))
        for row in csv.reader(io.TextIOWrapper(old.open("fer2013new.csv"), "utf-8")):
            if not row[1].endswith(".jpg"):
                continue
            votes = [int(n) for n in row[2 : 2 + EXPRESSIONS]]
            label = int(np.argmax(votes))
            for folder, n in FACES.items():
                name = f"{folder}/{row[1]}"
                if name in names and votes[label] > 5 and taken[folder, label] < n:
                    taken[folder, label] += 1
                    new.writestr(name, old.read(name))


def main(data: Path, out: Path) -> None:
    landmarks = "ravdess/landmarks/dlib68_every_2nd_frame.npz"
    copy_landmarks(data / landmarks, out / landmarks)
    for folder in ("ravdess/audio_22050_flac", "ravdess/portraits", "teacher", "strangers"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for actor in ACTORS:
        target = out / f"ravdess/audio_22050_flac/Actor_{actor}"
        target.mkdir(exist_ok=True)
        for sound in sorted(
            (data / f"ravdess/audio_22050_flac/Actor_{actor}").glob("03-01-??-01-01-0?-??.*")
        ):
            shutil.copy(sound, target)
        shutil.copy(data / f"ravdess/portraits/Actor_{actor}.png", out / "ravdess/portraits")
    shutil.copy(data / "teacher/ravdess_posteriors.csv", out / "teacher")
    truth = json.loads((data / "strangers/truth.json").read_text())[:STRANGERS]
    for entry in truth:
        shutil.copy(data / "strangers" / entry["clip"], out / "strangers")
    (out / "strangers/truth.json").write_text(json.dumps(truth))
    copy_faces(data / "ferplus/ferplus.zip", out / "ferplus/ferplus.zip")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
