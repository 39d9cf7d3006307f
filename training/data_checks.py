"""Runs the check of the data for the commands, and prints its sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from emolive.errors import ConfigError
from preprocessing.annotations import SPLITS, Annotations, ClipEntry
from preprocessing.clip_digests import clip_digests
from preprocessing.data_check import CheckedData, Finding, check_crossval, check_evaluation, check_training
from preprocessing.splits import Fold
from training.config import TrainConfig
from training.learned import neutral_label
from training.normalizer_sampler import NEUTRAL, calibration_clips


def check_training_data(
    config: TrainConfig, annotations: Annotations, folds: Sequence[Fold | None], console: Console
) -> None:
    """Check the data of a run before anything is extracted, and print the findings.

    Args:
        config: options of the run.
        annotations: its clips.
        folds: its split, or those of a cross-validation; None for the annotations' own.
        console: for the sentences.

    Raises:
        ConfigError: with `--strict`, if there are findings.
    """
    calibrating = _calibrating(annotations, neutral_label(config.neutral_label, annotations.labels))
    checked = []
    for fold in folds:
        splits: dict[str, list[ClipEntry]] = {split: [] for split in SPLITS}
        for item in annotations.items:
            splits[fold.split_of(item.actor) if fold else item.split or "training"].append(item)
        checked.append(CheckedData(splits, clip_digests(annotations), calibrating))
    if len(checked) == 1:
        tested = "testing" if config.test_subset == "test" else "validation"
        findings = check_training(checked[0], tested)
    else:
        findings = check_crossval(checked)
    report_findings(findings, console, strict=config.strict)


def check_evaluated_data(
    labels: Sequence[str],
    provenance: Mapping[str, Any],
    annotations: Annotations,
    scored_ids: set[str],
    console: Console,
    *,
    strict: bool,
    neutral: str = NEUTRAL,
    subject: str = "The checkpoint",
    said: set[str] | None = None,
) -> list[Finding]:
    """Check the clips on which a checkpoint is evaluated, and print the findings.

    Args:
        labels: the classes of the checkpoint.
        provenance: of the checkpoint; it says what it learned from.
        annotations: the clips, with the others of the same people.
        scored_ids: ids of those to score.
        console: for the sentences.
        strict: refuse to go on.
        neutral: the label of a person's neutral clips.
        subject: what sentences call the checkpoint.
        said: sentences that were printed already and are not repeated; gets the new ones.

    Raises:
        ConfigError: with `strict`, if there are findings.
    """
    scored = [item for item in annotations.items if item.id in scored_ids]
    data = CheckedData({"testing": scored}, clip_digests(annotations), _calibrating(annotations, neutral))
    findings = check_evaluation(data, labels, provenance, subject)
    report_findings(findings, console, strict=strict, said=said)
    return findings


def _calibrating(annotations: Annotations, neutral: str) -> frozenset[str]:
    """Ids of the clips with which people are calibrated."""
    return frozenset(annotations.items[i].id for i in calibration_clips(annotations.items, neutral))


def report_findings(
    findings: Sequence[Finding], console: Console, *, strict: bool, said: set[str] | None = None
) -> None:
    """Print the findings, but for those in `said`, to which they are added.

    Raises:
        ConfigError: with `strict`, if there are any.
    """
    said = set() if said is None else said
    for finding in findings:
        if finding.text not in said:
            console.print(finding.text, style="yellow", markup=False, highlight=False)
            said.add(finding.text)
    if strict and findings:
        more = f", with {len(findings) - 1} more" if len(findings) > 1 else ""
        raise ConfigError(f"The data was refused because of --strict{more}: {findings[0].text}")
