"""The model card beside the weights. All results in it are read from the checkpoints.

Run as `python -m training.model_card assets/models/*.safetensors`; it writes README.md beside the first of
them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

from emolive.atomic_io import atomic_write
from emolive.errors import ConfigError, EmoliveError
from emolive.models.io.backbone import BackboneCheckpoint, is_backbone_file, load_backbone
from emolive.models.io.checkpoint import Description, describe
from emolive.plugins import FUSIONS

MODALITY_TITLES = {"av": "face and voice", "v": "face only", "a": "voice only"}
MODE_TITLES = {
    "none": "all speakers",
    "neutral": "two neutral clips",
    "running": "the clips before it",
    "person": "all clips, unlabelled",
}
ABOUT = """\
# The shipped models

{names}: one checkpoint for each fusion. Each works with every baseline and with either stream missing.

## Intended use

They classify the emotion that a face and a voice **express**, for a live demo, for comparing fusions and
for research. They do not measure what a person feels. They were trained on actors who spoke two sentences
of North American English in a studio; a classifier of single faces that is pooled with them covers other
people (see "People outside the studio"), but not emotions that are not acted. Of other people's voices
alone they are right in few windows, and mostly say that they are unsure. They must not be used to judge
people: systems that infer emotions at work and in education are prohibited in the European Union (AI Act,
Art. 5(1)(f)).

## Data and licence

Trained on landmarks and audio of RAVDESS speech (Livingstone & Russo 2018, doi:10.1371/journal.pone.0196391),
which is CC BY-NC-SA 4.0: **the weights are for non-commercial use** under the same licence. The landmarks
were measured with dlib's 68-point predictor, trained on iBUG 300-W, which is for research use. The voice is
encoded by the first layers of Moonshine tiny (Useful Sensors, MIT), a speech recogniser, which are not
trained here. Each clip is also used as other rooms, microphones and lines would have recorded it (simulated).

The targets also contain soft labels (MIT): published posteriors of a wav2vec2 model for the voice and of
action units for the face, each from a fold in which that clip's actor was held out
(github.com/cristinalunaj/MMEmotionRecognition). Those teachers were trained on the other actors, among them
those of our held-out folds, so that a trace of these may be in their posteriors of training clips. The
recipe was chosen on the same folds: docs/experiments.md lists every run that was considered.
"""


def card(paths: Sequence[Path]) -> str:
    """The card of some checkpoints as Markdown.

    Raises:
        CheckpointError: one of them cannot be read.
    """
    backbones = [load_backbone(path) for path in paths if is_backbone_file(path)]
    models = [describe(path) for path in paths if not is_backbone_file(path)]
    names = ", ".join(f"`{m.path.name}` ({_title(m.spec.fusion)})" for m in models)
    sections = [*map(_model_section, models), *map(_backbone_section, backbones)]
    return "\n".join([ABOUT.format(names=names), *sections, COMMANDS])


COMMANDS = """\
## How to reproduce them

`make weights` runs everything from the data to these files. Each file contains all options of its run
(`emolive describe FILE`).
"""


def _title(fusion: str) -> str:
    return FUSIONS.titles().get(fusion, fusion)


def _model_section(model: Description) -> str:
    about, spec = model.provenance, model.spec
    numbers = sum(prod(shape) for shape in model.shapes.values())
    data = about.get("data", {})
    lines = [
        f"## `{model.path.name}`",
        "",
        f"{_title(spec.fusion)}, architecture {spec.arch}, {spec.num_heads} head(s), "
        f"{numbers:,} numbers, {model.path.stat().st_size / 1e6:.1f} MB; "
        f"{' and '.join(spec.encoders)} by {spec.landmarker}, {spec.audio.kind} of {spec.audio.channels} "
        f"values each {1000 * spec.audio.hop_length / spec.audio.rate_hz:.0f} ms.",
        "",
        f"Trained on {data.get('clips', '?')} clips of actors {', '.join(map(str, data.get('actors', [])))}; "
        f"{about.get('epochs', '?')} epochs, seed {about.get('seed', '?')}. "
        f"Licence: {about.get('licence', '?')}.",
        "",
    ]
    lines += _pool_lines(about.get("opinion_pool"))
    lines += _stream_lines(about.get("stream"))
    results = about.get("figures")
    if not results:
        return "\n".join([*lines, "No results were measured for this file.", ""])
    lines += [
        f"The network alone, measured by actor-disjoint cross-validation ({_scheme(results)}; "
        f"`{results['command']}`): every",
        "actor is tested by a model that was not trained on them. The actor's two neutral clips of",
        "repetition 1 are not scored, so that the baselines can be compared. In brackets: 95 % intervals by",
        "bootstrap over actors.",
        "",
        "| baseline from | streams | UAR | top-1 | top-5 | ECE |",
        "|---|---|---|---|---|---|",
    ]
    for mode, by_modality in results["figures"].items():
        for modality, summary in by_modality.items():
            lines.append(_row(mode, modality, summary))
    mode = "person" if "person" in results["figures"] else next(iter(results["figures"]))
    recalls = results["figures"][mode]["av"]["per_class_recall"]
    shares = ", ".join(f"{label} {100 * share:.0f}" for label, share in recalls.items() if share is not None)
    lines += [
        "",
        f"Recall by class, face and voice, baseline from {MODE_TITLES.get(mode, mode)}, in percent: "
        f"{shares}.",
        "",
    ]
    return "\n".join(lines)


def _pool_lines(pool: dict[str, Any] | None) -> list[str]:
    """What was measured on people outside the studio, and what the pool costs on the actors."""
    if pool is None:
        return []
    lines = [
        "People outside the studio: the network's answer is pooled with that of a classifier of single faces",
        "(`efficientface.safetensors`). The pool was chosen and calibrated on these clips, so they are no",
        "held-out test of it.",
        "",
        "| clips | plausible | unsure |",
        "|---|---|---|",
    ]
    results = pool["strangers"]
    for kind, shares in results["kinds"].items():
        lines.append(f"| {kind} ({shares['clips']}) | {shares['plausible']:.2f} | {shares['unsure']:.2f} |")
    recalls = ", ".join(
        f"{mode} {pool['network_actors'][f'{mode}/av']:.2f} -> {pool['actors'][f'{mode}/av']:.2f}"
        for mode in MODE_TITLES
    )
    return [
        *lines,
        "",
        f"Of {results['sure_rows']} rows surer than 60 %, {100 * results['sure_wrong']:.0f} % are wrong. On "
        "the held-out actors that the pool was fitted with (classifier on warped portraits), UAR of both "
        f"streams of the network and of the pool: {recalls}.",
        "",
    ]


def _scheme(results: dict[str, Any]) -> str:
    """The folds that were measured."""
    folds = results.get("folds")
    numbers = "" if folds is None else ", fold " + ", ".join(map(str, folds))
    return f"{results['scheme']}{numbers}"


def _stream_lines(stream: dict[str, Any] | None) -> list[str]:
    """What an audience sees of streams."""
    if stream is None:
        return []

    def seconds(value: float | None) -> str:
        return "never" if value is None else f"{value:.1f} s"

    lines = [
        "As a stream: the clips of an actor one after another without a gap, read as live by networks that",
        "were not trained on this actor (landmarks and sound, no classifier of faces). The weight of",
        "the newest evidence, temperatures and smoothing were fitted to these streams. Right hops: the",
        "displayed label, mean over classes. Reaction: from a change to the first right label.",
        "`emolive-evaluate stream` measures the same.",
        "",
        "| baseline from | right hops | before smoothing | at the end of a span | reaction, median / 90 % "
        "| never right | label changes a minute (true) |",
        "|---|---|---|---|---|---|---|",
    ]
    for mode, scores in stream["scores"].items():
        lines.append(
            f"| {mode}: {MODE_TITLES.get(mode, mode)} | {scores['hop_uar_shown']:.3f} "
            f"| {scores['hop_uar_raw']:.3f} | {scores['end_uar_shown']:.3f} "
            f"| {seconds(scores['reaction_median_s'])} / {seconds(scores['reaction_p90_s'])} "
            f"| {scores['never_right']:.3f} | {scores['label_changes_per_min']:.0f} "
            f"({scores['true_changes_per_min']:.0f}) |"
        )
    return [*lines, ""]


def _backbone_section(backbone: BackboneCheckpoint) -> str:
    about, net = backbone.provenance, backbone.net
    data, scores = about.get("data", {}), about.get("figures", {})
    counts = ", ".join(f"{data[name]:,} for {name}" for name in ("training", "validation") if name in data)
    numbers = sum(p.numel() for p in net.parameters())
    size = f"{numbers:,} weights, {backbone.path.stat().st_size / 1e6:.1f} MB, {net.pixels.size} px"
    lines = [
        f"## `{backbone.path.name}`",
        "",
        f"The backbone EfficientFace with a classifier of single faces ({', '.join(net.labels)}): {size}. "
        "The models above pool their answer with it; training on face crops starts from it.",
        "",
        f"Pretrained on faces of {data.get('name', '?')} ({counts}). Licence: {about.get('licence', '?')}.",
        "",
    ]
    if scores:
        lines += [
            f"On the validation faces, by majority vote: top-1 {100 * scores['val_top1']:.1f} %, UAR "
            f"{100 * scores['val_uar']:.1f} %. They also chose the epoch: {about.get('best_epoch', '?')} of "
            f"{about.get('epochs', '?')} of the last stage. `emolive-evaluate ferplus FACES --checkpoint "
            f"{backbone.path.name}` measures it.",
            "",
        ]
    return "\n".join(lines)


def _row(mode: str, modality: str, summary: dict[str, Any]) -> str:
    low, high = summary["uar_interval"]
    return (
        f"| {mode}: {MODE_TITLES.get(mode, mode)} | {MODALITY_TITLES[modality]} "
        f"| {summary['uar']:.3f} [{low:.3f}, {high:.3f}] "
        f"| {100 * summary['top1']:.1f} % | {100 * summary['top5']:.1f} % | {summary['ece']:.3f} |"
    )


def main() -> int:
    """Write the card; 2 after one line on stderr if a checkpoint cannot be read."""
    paths = [Path(name) for name in sys.argv[1:]]
    try:
        if not paths:
            raise ConfigError("Name the checkpoints that the card describes.")
        with atomic_write(paths[0].parent / "README.md") as part:
            part.write_text(card(paths))
    except EmoliveError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
