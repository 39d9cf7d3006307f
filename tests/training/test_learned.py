"""Classes and streams are those of the training clips, and tables show a dash for the rest."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emolive.errors import ConfigError
from emolive.models.io import checkpoint
from emolive.models.io.onnx_export import export_onnx
from emolive.models.spec import EMOTIONS
from emolive.types import BoolArray
from preprocessing import annotations
from preprocessing.annotations import Annotations, ClipEntry
from tests.training.conftest import make_clips
from tests.training.dataset_of_clips import SPEC
from training.cli import evaluate, train
from training.learned import class_labels, neutral_label, with_learned
from training.normalizer_sampler import calibration_clips
from training.window_dataset import WindowDataset


def listed(labels: str, ids: str = "clip{}") -> Annotations:
    items = (ClipEntry(ids.format(i), "v", "", label, "1") for i, label in enumerate(labels.split()))
    return Annotations(tuple(items), Path())


def test_classes_are_the_labels_of_the_data() -> None:
    assert class_labels(0, listed("happy sad neutral happy")) == ("happy", "neutral", "sad")
    assert class_labels(3, listed("happy sad neutral")) == ("happy", "neutral", "sad")
    assert class_labels(0, listed("Zorn Neutral")) == ("Neutral", "Zorn")
    with pytest.raises(
        ConfigError, match=r"--n-classes is 8, but the annotations have 2 labels \(happy, sad\)"
    ):
        class_labels(8, listed("happy sad"))


def test_the_order_of_ravdess_is_for_clips_of_ravdess() -> None:
    ravdess = listed("happy sad neutral", "01-01-03-01-01-0{}-12")
    assert class_labels(0, ravdess) == ("neutral", "happy", "sad")
    # The published option for any part of RAVDESS.
    assert class_labels(8, ravdess) == EMOTIONS


def test_the_neutral_label_has_any_case_or_is_named() -> None:
    assert neutral_label("", ("Angry", "Neutral")) == "Neutral"
    assert neutral_label("", ("angry", "happy")) == "neutral"
    assert neutral_label("ruhig", ("Ruhig", "froh")) == "Ruhig"
    with pytest.raises(ConfigError, match=r"No clip has the label calm .*: choose angry, happy"):
        neutral_label("calm", ("angry", "happy"))
    assert calibration_clips(listed("Neutral happy NEUTRAL neutral").items) == {0, 2}
    assert calibration_clips(listed("neutral Ruhig").items, "ruhig") == {1}


def test_what_training_clips_can_teach(dataset: WindowDataset) -> None:
    clips = np.arange(len(dataset.items))
    assert with_learned(SPEC, dataset, clips, "av") == (SPEC, ())
    spec, sentences = with_learned(SPEC, dataset, clips, "a")
    assert (spec.streams, sentences) == ("a", ())

    def without(present: BoolArray, kept: int) -> BoolArray:
        present = np.array(present)
        present[kept:] = False
        return present

    faceless = replace(dataset, video_present=without(dataset.video_present, 1))
    spec, sentences = with_learned(SPEC, faceless, clips, "av")
    assert spec.streams == "a"
    assert sentences == (
        "1 of the 18 training clips has a face: faces are not learned, and the model will ignore them.",
    )
    silent = replace(faceless, speech=without(dataset.speech, 0))
    with pytest.raises(ConfigError, match="nothing to learn from"):
        with_learned(SPEC, silent, clips, "av")
    some = np.array([i for i in clips if dataset.items[i].label != "happy"])
    spec, sentences = with_learned(SPEC, dataset, some, "av")
    assert spec.unlearned == ("happy",)
    assert "never predict it" in sentences[0]


def test_a_model_of_voices_ignores_faces_everywhere(
    small: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = make_clips(tmp_path, actors=3, repetitions=1)
    items = annotations.read(clips).items
    table = clips.with_name("voices.csv")
    annotations.write(table, [replace(item, video="", label=item.label.capitalize()) for item in items])
    run = tmp_path / "run"
    options = [*small[2:], "--annotation_path", str(table), "--test_actors", "3", "--n_epochs", "2"]
    assert train([*options, "--result_path", str(run)]) == 0
    printed = capsys.readouterr().out
    assert "None of the 6 training clips has a face" in printed
    assert next(line for line in printed.splitlines() if line.startswith("│ none")).count(" - ") == 6
    model = run / "model.safetensors"
    spec = checkpoint.load(model).spec
    assert (spec.streams, spec.labels) == ("a", ("Angry", "Happy", "Neutral"))
    with_faces = clips.with_name("faces.csv")
    annotations.write(with_faces, [replace(item, label=item.label.capitalize()) for item in items])
    (export,) = export_onnx(model)
    rows = {}
    for name, path, extra in (
        ("faces", model, ["--robustness"]),
        ("voice", model, ["--modality", "a"]),
        ("onnx", export.path, []),
    ):
        out = tmp_path / f"{name}.json"
        arguments = ["--checkpoint", str(path), "--annotations", str(with_faces), "--json", str(out)]
        assert evaluate([*arguments, *extra]) == 0
        results = json.loads(out.read_text())
        assert results["modality"] == "a"
        # The neutral clip of each actor, by the label in another case, is for calibration.
        assert results["n"] == 9 - 3
        rows[name] = np.array([list(row["probs"].values()) for row in results["rows"]])
    printed = capsys.readouterr().out
    assert "trained on voices alone" in printed
    assert next(line for line in printed.splitlines() if line.startswith("│ video only")).count(" - ") == 2
    np.testing.assert_array_equal(rows["faces"], rows["voice"])
    np.testing.assert_allclose(rows["onnx"], rows["voice"], atol=1e-4)
    arguments = ["--checkpoint", str(model), "--annotations", str(with_faces), "--modality", "v"]
    assert evaluate(arguments) == 2
    assert "--modality v is not possible" in capsys.readouterr().err
    both = [str(model), str(export.path), "--annotations", str(with_faces)]
    assert evaluate(["compare", *both]) == 0
    assert "top-5" in capsys.readouterr().out
