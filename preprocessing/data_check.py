"""One check of the data before training and before an evaluation.

It finds what makes results mean less than they seem to, in the annotations and in the content of the files.
Each finding is a sentence, which the commands print, and refuse with `--strict`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from preprocessing.annotations import SPLITS, ClipEntry, actor_order
from preprocessing.clip_digests import Digests, name_digest, pack, unpack
from preprocessing.splits import normalize_actor_id

_NAMED = 3
"""So many clips or people are named in a sentence."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a user should know about the data."""

    kind: str
    """training_scored, shared_actors, shared_files, two_labels, unknown_actors, untrained_class,
    untested_class, calibration_only, one_actor, nothing_tested or unknown_training."""
    text: str
    """One sentence."""


@dataclass(frozen=True, slots=True)
class CheckedData:
    """The clips of a run or of an evaluation.

    Args:
        splits: the clips of training, validation and testing.
        digests: of the files of the clips.
        calibrating: ids of the clips with which people are calibrated, and which are therefore not scored.
    """

    splits: Mapping[str, Sequence[ClipEntry]]
    digests: Digests = field(default_factory=dict)
    calibrating: Collection[str] = frozenset()

    def scored(self, split: str) -> list[ClipEntry]:
        """The clips of a split that count."""
        return [clip for clip in self.splits.get(split, ()) if clip.id not in self.calibrating]


def check_training(data: CheckedData, tested: str = "testing") -> list[Finding]:
    """The findings about the splits of a run.

    Args:
        data: its clips.
        tested: the split on which the model is tested at the end.
    """
    findings = [
        *_shared_actors(data),
        *_shared_files(data),
        *_two_labels(data),
        *_unknown_actors(data),
        *_classes(data, tested),
    ]
    for split in ("validation", "testing"):
        if data.splits.get(split) and not data.scored(split):
            effect = "no epoch is chosen by it" if split == "validation" else "nothing is tested"
            findings.append(
                Finding(
                    "calibration_only",
                    f"All {len(data.splits[split])} clips of the split {split} are neutral ones that "
                    f"calibrate their people and are not scored, so {effect}: add other clips to it.",
                )
            )
    if not data.splits.get(tested):
        findings.append(
            Finding(
                "nothing_tested",
                f"No clip is in the split {tested}, so nothing says how good the model will be: give "
                f"--test_actors or --fold, or annotations with splits.",
            )
        )
    return findings + _scores(data, tested)


def check_crossval(folds: Sequence[CheckedData]) -> list[Finding]:
    """The findings about the folds of a cross-validation, whose tested clips are scored together.

    Args:
        folds: the same clips in the splits of each fold.
    """
    findings: dict[Finding, None] = {}
    for data in folds:
        leaks = (_shared_actors(data), _shared_files(data), _two_labels(data), _unknown_actors(data))
        findings |= dict.fromkeys(finding for leak in leaks for finding in leak)
        findings |= dict.fromkeys(f for f in _classes(data, "testing") if f.kind == "untrained_class")
    tested = [clip for data in folds for clip in data.splits.get("testing", ())]
    together = CheckedData({"testing": tested}, calibrating=folds[0].calibrating if folds else ())
    return [*findings, *_scores(together, "testing")]


def check_evaluation(
    data: CheckedData, labels: Sequence[str], record: Mapping[str, Any], subject: str = "The checkpoint"
) -> list[Finding]:
    """The findings about the clips on which a checkpoint is evaluated.

    Args:
        data: its clips, all as the split testing.
        labels: the classes of the checkpoint.
        record: its provenance.
        subject: what sentences call it.
    """
    scored = data.scored("testing")
    present = {clip.label for clip in scored}
    unscored = [label for label in labels if label not in present]
    findings = [*_learned(data, scored, record, subject), *_two_labels(data), *_scores(data, "testing")]
    calibrating = {clip.label for clip in data.splits.get("testing", ())} - present
    if absent := [label for label in unscored if label not in calibrating]:
        findings.append(
            Finding("untested_class", f"No clip is {_or(absent)}: nothing is said about {_these(absent)}.")
        )
    return findings


def training_record(clips: Sequence[ClipEntry], digests: Digests) -> dict[str, str]:
    """What a checkpoint stores about the clips that it learned from, for `check_evaluation`."""
    return {
        "clip_digests": pack(name_digest(clip) for clip in clips),
        "file_digests": pack(digest for clip in clips for digest in digests.get(clip.id, ())),
    }


def _learned(
    data: CheckedData, scored: Sequence[ClipEntry], record: Mapping[str, Any], subject: str
) -> Iterable[Finding]:
    """Clips and people that are scored and were learned from."""
    stored = record.get("data")
    stored = stored if isinstance(stored, Mapping) else {}
    names, files = unpack(stored.get("clip_digests")), unpack(stored.get("file_digests"))
    same = [
        clip
        for clip in scored
        if name_digest(clip) in names or not files.isdisjoint(data.digests.get(clip.id, ()))
    ]
    if same:
        yield Finding(
            "training_scored",
            f"{subject} learned from {len(same)} of the {len(scored)} clips that are scored "
            f"({_few(clip.id for clip in same)}): its results on them say nothing about other clips.",
        )
    seen = {clip.id for clip in same}
    others = [clip for clip in scored if clip.id not in seen]
    for key, what, effect in (
        ("actors", "learned from", "its results on them say nothing about other people"),
        ("validation_actors", "was chosen by", "its results on them are better than on other people"),
    ):
        known = {normalize_actor_id(str(actor)) for actor in stored.get(key, ()) if actor}
        shared = {actor for clip in others if (actor := _actor(clip)) in known}
        if shared:
            n = sum(_actor(clip) in shared for clip in others)
            yield Finding(
                "training_scored",
                f"{subject} {what} clips of {_people(shared)}, as are {n} of the {len(scored)} clips "
                f"that are scored, if the same names mean the same people: {effect}.",
            )
    if not stored:
        yield Finding(
            "unknown_training",
            f"{subject} does not say from which clips it learned, so it cannot be checked whether some "
            "of them are scored.",
        )


def _shared_actors(data: CheckedData) -> Iterable[Finding]:
    actors = {split: {_actor(clip) for clip in data.splits.get(split, ())} - {""} for split in SPLITS}
    for one, other in combinations(SPLITS, 2):
        if shared := actors[one] & actors[other]:
            yield Finding(
                "shared_actors",
                f"{_people(shared).capitalize()} {'is' if len(shared) == 1 else 'are'} in both {one} and "
                f"{other}: results on them say nothing about other people; split by person "
                f"(emolive-preprocess annotations --splits).",
            )


def _shared_files(data: CheckedData) -> Iterable[Finding]:
    for one, other in combinations(SPLITS, 2):
        first: dict[bytes, str] = {}
        for clip in data.splits.get(one, ()):
            for digest in data.digests.get(clip.id, ()):
                first.setdefault(digest, clip.id)
        pairs = [
            f"{first[digest]} and {clip.id}"
            for clip in data.splits.get(other, ())
            for digest in sorted(data.digests.get(clip.id, ()))
            if digest in first
        ]
        if pairs := list(dict.fromkeys(pairs)):
            yield Finding(
                "shared_files",
                f"{len(pairs)} {'clip' if len(pairs) == 1 else 'clips'} in {other} "
                f"{'has' if len(pairs) == 1 else 'have'} the same content as a clip in {one} "
                f"({_few(pairs)}): remove {'it' if len(pairs) == 1 else 'them'} from one of the two.",
            )


def _two_labels(data: CheckedData) -> Iterable[Finding]:
    first: dict[bytes, ClipEntry] = {}
    pairs = []
    for clip in (clip for split in SPLITS for clip in data.splits.get(split, ())):
        for digest in data.digests.get(clip.id, ()):
            before = first.setdefault(digest, clip)
            if before.label != clip.label:
                pairs.append(f"{before.id} is {before.label} and {clip.id} {clip.label}")
    if pairs := list(dict.fromkeys(pairs)):
        yield Finding("two_labels", f"Clips of the same content have different labels: {_few(pairs)}.")


def _unknown_actors(data: CheckedData) -> Iterable[Finding]:
    clips = [clip for split in SPLITS for clip in data.splits.get(split, ())]
    unknown = [clip for clip in clips if not clip.actor]
    if unknown and any(data.splits.get(split) for split in SPLITS[1:]):
        yield Finding(
            "unknown_actors",
            f"{len(unknown)} of the {len(clips)} clips name no actor ({_few(clip.id for clip in unknown)}), "
            f"so it cannot be checked that nobody is in two splits.",
        )


def _classes(data: CheckedData, tested: str) -> Iterable[Finding]:
    trained = {clip.label for clip in data.splits.get("training", ())}
    for split in SPLITS[1:]:
        if only := sorted({clip.label for clip in data.splits.get(split, ())} - trained):
            yield Finding(
                "untrained_class",
                f"No training clip is {_or(only)}, but clips in {split} are: the model cannot learn "
                f"{_these(only)}.",
            )
    if data.splits.get(tested) and (
        absent := sorted(trained - {clip.label for clip in data.splits.get(tested, ())})
    ):
        yield Finding(
            "untested_class", f"No clip in {tested} is {_or(absent)}: nothing is said about {_these(absent)}."
        )


def _scores(data: CheckedData, tested: str) -> list[Finding]:
    """What limits the results on the scored clips."""
    clips, scored = data.splits.get(tested, ()), data.scored(tested)
    if not scored:
        return []
    findings = []
    present = {clip.label for clip in scored}
    if unscored := sorted({clip.label for clip in clips} - present):
        findings.append(
            Finding(
                "calibration_only",
                f"No clip that is {_or(unscored)} is scored, since each person's first ones calibrate and "
                f"there are no others: results are those of the other classes; add more such clips of each "
                f"person.",
            )
        )
    actors = {_actor(clip) for clip in scored}
    if len(actors) == 1:
        who = next(iter(actors))
        whom = f"one person ({who})" if who else "people without a name, who count as one"
        findings.append(
            Finding(
                "one_actor",
                f"All clips that are scored are of {whom}, so there is no interval over people, and the "
                f"results may be quite different for others.",
            )
        )
    return findings


def _actor(clip: ClipEntry) -> str:
    return normalize_actor_id(clip.actor)


def _people(actors: Iterable[str]) -> str:
    ordered = sorted(actors, key=actor_order)
    return f"actor {ordered[0]}" if len(ordered) == 1 else f"actors {_few(ordered, 2 * _NAMED)}"


def _few(names: Iterable[str], n: int = _NAMED) -> str:
    every = list(names)
    return ", ".join(every[:n]) + (f" and {len(every) - n} more" if len(every) > n else "")


def _or(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _these(names: Sequence[str]) -> str:
    return "this class" if len(names) == 1 else "these classes"
