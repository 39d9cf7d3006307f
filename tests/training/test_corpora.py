"""Training on several corpora: the labels that a corpus lacks are not held against its clips."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from emolive.models.io import checkpoint
from preprocessing import annotations
from preprocessing.annotations import ClipEntry
from tests.training.conftest import LABELS, make_clips
from tests.training.dataset_of_clips import CONFIG
from training.batches import possible_labels
from training.cli import train
from training.crossval_corpora import corpora_of, without_impossible
from training.emotion_trainer import emotion_loss
from training.modality_dropout import MaskedBatch
from training.window_dataset import WindowDataset


def test_a_corpus_has_the_labels_of_its_clips(dataset: WindowDataset) -> None:
    assert possible_labels(dataset, LABELS).all(), "one corpus has all labels"
    items = [replace(item, corpus="a" if item.actor == "1" else "b") for item in dataset.items]
    items = [replace(item, label="happy") if item.corpus == "b" else item for item in items]
    possible = possible_labels(replace(dataset, items=tuple(items)), LABELS)
    for item, row in zip(items, possible, strict=True):
        assert row.tolist() == ([True] * 3 if item.corpus == "a" else [False, True, False])


@pytest.mark.parametrize("aux", [0.0, 1.0])
def test_the_loss_ignores_labels_that_are_not_possible(aux: float) -> None:
    """Their logits get no gradient, and the others that of a softmax without them."""
    logits = torch.tensor([[1.0, 2.0, 5.0], [0.3, -1.0, 2.0]], requires_grad=True)
    hard = torch.eye(3)[[0, 2]]
    possible = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    target = torch.stack([hard, hard, hard, possible], dim=1)
    ones = torch.ones(2)

    class Answers:
        joint = video = audio = logits

    config = replace(CONFIG, aux=aux, label_smoothing=0.1)
    batch = MaskedBatch(torch.zeros(2), torch.zeros(2), target, ones, ones)
    loss = emotion_loss(lambda *_: Answers if aux else logits, batch, config)
    of_two = torch.nn.functional.cross_entropy(logits[:1, :2], torch.tensor([0]), label_smoothing=0.1)
    of_three = torch.nn.functional.cross_entropy(logits[1:], torch.tensor([2]), label_smoothing=0.1)
    torch.testing.assert_close(loss, (1 + 2 * aux) * (of_two + of_three) / 2)
    loss.backward()
    assert logits.grad is not None
    assert logits.grad[0, 2] == 0
    assert logits.grad.isfinite().all()


def test_two_corpora_are_trained_together(
    tmp_path: Path, small: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Faces and voices of one corpus, voices of another that is never angry."""
    items = list(annotations.read(make_clips(tmp_path, actors=3, repetitions=1)).items)
    items = [replace(item, corpus="first") for item in items]
    items += [
        ClipEntry(f"v-{item.id}", "", item.audio, item.label, f"v{item.actor}", corpus="second")
        for item in items
        if item.label != "angry"
    ]
    annotations.write(tmp_path / "all.csv", items)
    arguments = ["--annotation_path", str(tmp_path / "all.csv"), *small[2:], "--n_epochs", "1"]
    assert train([*arguments, "--result_path", str(tmp_path / "r")]) == 0
    assert f"training: {len(items)} clips" in capsys.readouterr().out
    spec = checkpoint.load(tmp_path / "r/model.safetensors").spec
    assert (set(spec.labels), spec.streams) == (set(LABELS), "av")
    assert np.isfinite(float((tmp_path / "r/log.csv").read_text().splitlines()[1].split(",")[1]))


def two_corpora(folder: Path) -> list[ClipEntry]:
    """Faces and voices of two people, and the voices of another who is never angry."""
    items = [replace(item, corpus="first") for item in annotations.read(make_clips(folder, actors=2)).items]
    return [
        *items,
        *(
            ClipEntry(f"v-{item.id}", "", item.audio, item.label, f"v{item.actor}", corpus="second")
            for item in items
            if item.label != "angry" and item.actor == "1"
        ),
    ]


def test_each_corpus_is_tested_by_a_model_of_the_others(
    tmp_path: Path, small: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    annotations.write(tmp_path / "all.csv", two_corpora(tmp_path))
    arguments = ["--annotation_path", str(tmp_path / "all.csv"), *small[2:], "--n_epochs", "1"]
    folder = tmp_path / "cv"
    assert train(["crossval", *arguments, "--scheme", "corpus", "--result_path", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "No training clip is angry, but clips in testing are" in out
    results = json.loads((folder / "crossval.json").read_text())
    assert list(results["corpora"]) == ["first", "second"]
    assert results["folds"] == [1, 2]
    for corpus, tested in (("first", LABELS), ("second", ("neutral", "happy"))):
        of_corpus = results["corpora"][corpus]["running"]["a"]
        scored = {label for label, recall in of_corpus["per_class_recall"].items() if recall is not None}
        assert scored == set(tested)
        assert of_corpus["uar"] == pytest.approx(
            np.mean([of_corpus["per_class_recall"][label] for label in tested])
        )
    counts = np.array(results["corpora"]["second"]["running"]["a"]["confusion"])
    angry = sorted(LABELS).index("angry")
    assert counts[:, angry].sum() == 0, "a label that the corpus lacks is no answer"
    # The first corpus is tested by a network of voices, which has no answer from faces.
    assert set(results["figures"]["running"]) == {"a"}


def test_answers_that_a_corpus_lacks_do_not_count() -> None:
    fold = {
        "none/a": np.array([[3.0, 1.0, 0.0], [3.0, 1.0, 0.0]], np.float32),
        "truth": np.array([1, 1]),
        "possible": np.array([[False, True, True], [True, True, True]]),
        "corpora": np.array(["b", "a"]),
    }
    masked = without_impossible(fold)
    assert masked["none/a"].argmax(axis=1).tolist() == [1, 0]
    assert masked["truth"] is fold["truth"]
    assert corpora_of([fold, fold]).tolist() == ["b", "a", "b", "a"]
