"""The model card beside the weights: every figure in it is read out of the checkpoints.

Run as `python -m training.model_card assets/models/*.safetensors`; writes README.md beside the first of them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

from emolive.atomic_io import atomic_write
from emolive.errors import EmoliveError
from emolive.models.io.backbone import BackboneCheckpoint, is_backbone_file, load_backbone
from emolive.models.io.checkpoint import Description, describe
from emolive.plugins import FUSIONS

WAYS = {"av": "face and voice", "v": "face alone", "a": "voice alone"}
MODES = {
    "none": "nobody's baseline",
    "neutral": "two neutral clips",
    "running": "the clips before it",
    "person": "all clips, unlabelled",
}
ABOUT = """\
# The shipped models

{names}: one checkpoint for each fusion, each for any baseline and with either stream missing.

## What they are for, and what not

They name the emotion that a face and a voice **express**, in a live demo, for comparing fusions and for
research. They do not know what anybody feels. They learned from actors who spoke two sentences of North
American English in a studio; what they say of other people, languages, ages, rooms and of emotions that
nobody acted is not measured. They must not be used to judge people: at work and in education systems that
infer emotions are forbidden in the European Union (AI Act, Art. 5(1)(f)).

## Data and licence

Trained on landmarks and sound of RAVDESS speech (Livingstone & Russo 2018, doi:10.1371/journal.pone.0196391),
which is CC BY-NC-SA 4.0: **the weights are for non-commercial use** under the same licence. The landmarks
were measured with dlib's 68-point predictor, trained on iBUG 300-W, which is for research use.

Beside the labels stand soft targets (MIT): published posteriors of a wav2vec2 model for the voice and of
action units for the face, each from a fold in which that clip's actor was held out
(github.com/cristinalunaj/MMEmotionRecognition). Those teachers had learned from the other actors, those of
our held-out folds among them; what they say of training clips may carry a trace of that. Which recipe was
taken was chosen on the same folds: docs/experiments.md has every run that counted.
"""


def card(paths: Sequence[Path]) -> str:
    """The card of some checkpoints as Markdown. EmoliveError for one that cannot be read."""
    trunks = [load_backbone(path) for path in paths if is_backbone_file(path)]
    told = [describe(path) for path in paths if not is_backbone_file(path)]
    names = ", ".join(f"`{t.path.name}` ({FUSIONS.titles().get(t.spec.fusion, t.spec.fusion)})" for t in told)
    sections = [*map(_section, told), *map(_trunk, trunks)]
    return "\n".join([ABOUT.format(names=names), *sections, COMMANDS])


COMMANDS = """\
## How they were made

`make weights` repeats everything from the data to these files; each file holds all options of its run
(`emolive describe FILE`).
"""


def _section(told: Description) -> str:
    about, spec = told.provenance, told.spec
    numbers = sum(prod(shape) for shape in told.shapes.values())
    data, titles = about.get("data", {}), FUSIONS.titles()
    lines = [
        f"## `{told.path.name}`",
        "",
        f"{titles.get(spec.fusion, spec.fusion)}, architecture {spec.arch}, {spec.num_heads} head(s), "
        f"{numbers:,} numbers, {told.path.stat().st_size / 1e6:.1f} MB; "
        f"{' and '.join(spec.encoders)} by {spec.landmarker}, {spec.audio.kind} of {spec.audio.n_mels} bands.",
        "",
        f"Trained on {data.get('clips', '?')} clips of actors {', '.join(map(str, data.get('actors', [])))}; "
        f"{about.get('epochs', '?')} epochs, seed {about.get('seed', '?')}. "
        f"Licence: {about.get('licence', '?')}.",
        "",
    ]
    found = about.get("figures")
    if not found:
        return "\n".join([*lines, "No figures were measured for this file.", ""])
    lines += [
        f"Measured by actor-disjoint cross-validation ({found['scheme']}; `{found['command']}`): every actor",
        "is answered for by a model that never met them. The actor's two neutral clips of repetition 1 are",
        "left out of every score, so that the baselines compare. In brackets: 95 % by bootstrap over actors.",
        "",
        "| baseline from | read | UAR | top-1 | top-5 | ECE |",
        "|---|---|---|---|---|---|",
    ]
    for mode, by_way in found["figures"].items():
        for way, figures in by_way.items():
            lines.append(_row(mode, way, figures))
    mode = "person" if "person" in found["figures"] else next(iter(found["figures"]))
    recalls = found["figures"][mode]["av"]["per_class_recall"]
    shares = ", ".join(f"{label} {100 * share:.0f}" for label, share in recalls.items() if share is not None)
    lines += [
        "",
        f"Recall by class, face and voice, baseline from {MODES.get(mode, mode)}, in percent: {shares}.",
        "",
    ]
    return "\n".join(lines)


def _trunk(told: BackboneCheckpoint) -> str:
    about, net = told.provenance, told.net
    data, figures = about.get("data", {}), about.get("figures", {})
    counts = ", ".join(f"{data[name]:,} for {name}" for name in ("training", "validation") if name in data)
    numbers = sum(p.numel() for p in net.parameters())
    size = f"{numbers:,} weights, {told.path.stat().st_size / 1e6:.1f} MB, {net.pixels.size} px"
    lines = [
        f"## `{told.path.name}`",
        "",
        f"The pixel trunk EfficientFace with a classifier of single faces ({', '.join(net.labels)}): {size}. "
        "It is not part of the models above: training on pixels begins with it.",
        "",
        f"Pretrained on faces of {data.get('name', '?')} ({counts}). Licence: {about.get('licence', '?')}.",
        "",
    ]
    if figures:
        lines += [
            f"On the faces for validation, by majority vote: top-1 {100 * figures['val_top1']:.1f} %, UAR "
            f"{100 * figures['val_uar']:.1f} %. They also chose the epoch: {about.get('best_epoch', '?')} of "
            f"{about.get('epochs', '?')} of the last stage. `emolive-evaluate ferplus FACES --checkpoint "
            f"{told.path.name}` measures it.",
            "",
        ]
    return "\n".join(lines)


def _row(mode: str, way: str, figures: dict[str, Any]) -> str:
    low, high = figures["uar_interval"]
    return (
        f"| {mode}: {MODES.get(mode, mode)} | {WAYS[way]} | {figures['uar']:.3f} [{low:.3f}, {high:.3f}] "
        f"| {100 * figures['top1']:.1f} % | {100 * figures['top5']:.1f} % | {figures['ece']:.3f} |"
    )


def main() -> int:
    """Write the card; 2 with a sentence if a checkpoint cannot be read."""
    paths = [Path(name) for name in sys.argv[1:]]
    try:
        if not paths:
            raise EmoliveError("Name the checkpoints that the card is about.")
        with atomic_write(paths[0].parent / "README.md") as part:
            part.write_text(card(paths))
    except EmoliveError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
