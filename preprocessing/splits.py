"""Splits by actor: no actor is in both training and testing.

A split depends on the ids of the actors only, never on the order in which a file system lists files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from emolive.errors import ConfigError
from preprocessing.annotations import ClipEntry, actor_order

PUBLISHED_TEST_ACTORS = ("5", "10", "16", "19")
PUBLISHED_VALIDATION_ACTORS = ("11", "13", "18", "22")
CORPUS = "corpus"
SCHEMES = ("reference", "rotation", "5fold", "6fold", "loao", CORPUS)


@dataclass(frozen=True, slots=True)
class Fold:
    """Which actors are tested on and which validate; all others train."""

    name: str
    testing: tuple[str, ...]
    validation: tuple[str, ...] = ()

    def split_of(self, actor: str) -> str:
        """training, validation or testing."""
        actor_id = normalize_actor_id(actor)
        if actor_id in self.testing:
            return "testing"
        return "validation" if actor_id in self.validation else "training"


def normalize_actor_id(actor: str) -> str:
    """ "05" → "5"; names stay as they are."""
    return str(int(actor)) if actor.isdecimal() else actor


def _ordered(actors: Iterable[str]) -> list[str]:
    return sorted({normalize_actor_id(actor) for actor in actors}, key=actor_order)


def balanced_folds(actors: Iterable[str], n: int) -> list[Fold]:
    """`n` folds without validation actors, each with as equal numbers of men and women as possible.

    As in RAVDESS, odd ids are men and even ids are women.

    Raises:
        ConfigError: fewer than two folds, or more folds than actors.
    """
    ordered = _ordered(actors)
    if not 2 <= n <= len(ordered):
        raise ConfigError(f"{len(ordered)} actors cannot be split into {n} folds.")
    men = [actor for actor in ordered if actor.isdecimal() and int(actor) % 2]
    queue = men + [actor for actor in ordered if actor not in men]
    return [Fold(f"{i + 1} of {n}", tuple(_ordered(queue[i::n]))) for i in range(n)]


def leave_one_actor_out(actors: Iterable[str]) -> list[Fold]:
    """One fold per actor."""
    return [Fold(f"actor {actor}", (actor,)) for actor in _ordered(actors)]


def actors_by_corpus(clips: Iterable[ClipEntry]) -> dict[str, set[str]]:
    """The actors of each corpus; "" for a clip that names none."""
    actors: dict[str, set[str]] = {}
    for clip in clips:
        actors.setdefault(clip.corpus, set()).add(normalize_actor_id(clip.actor))
    return actors


def leave_one_corpus_out(corpora: Mapping[str, Iterable[str]]) -> list[Fold]:
    """One fold per corpus, sorted by name; corpora with people in common are held out together.

    Otherwise a network would be tested on people that it knows from another corpus.

    Args:
        corpora: corpus → actors, see `actors_by_corpus`.

    Raises:
        ConfigError: there is one corpus alone, all have people in common, or a clip has no actor.
    """
    groups: list[tuple[list[str], set[str]]] = []
    for name in sorted(corpora):
        actors = {normalize_actor_id(actor) for actor in corpora[name]}
        if "" in actors:
            raise ConfigError(
                f"Clips of the corpus {name or 'without a name'} have no actor, so it is not known who is "
                f"held out with it: give each clip an actor."
            )
        sharing = [group for group in groups if group[1] & actors]
        groups = [group for group in groups if group not in sharing]
        names = [other for group in sharing for other in group[0]]
        groups.append(([*names, name], actors.union(*(group[1] for group in sharing))))
    if len(groups) < 2:
        raise ConfigError(
            "The clips are of one corpus, or of corpora with the same people, so none can be held out: merge "
            "others with emolive-preprocess merge."
        )
    return [
        Fold(f"corpus {' and '.join(sorted(names))}", tuple(_ordered(actors)))
        for names, actors in sorted(groups, key=lambda group: min(group[0]))
    ]


def rotation(actors: Iterable[str]) -> list[Fold]:
    """The published proportions 4 / 4 / 16: four actors test, the next four validate; six turns of 24 actors.

    Raises:
        ConfigError: there are fewer than nine actors.
    """
    ordered = _ordered(actors)
    groups = [tuple(ordered[i : i + 4]) for i in range(0, len(ordered), 4)]
    if len(groups) < 3:
        raise ConfigError(f"The 4/4/16 rotation needs at least nine actors, and there are {len(ordered)}.")
    return [
        Fold(f"turn {i + 1} of {len(groups)}", group, groups[(i + 1) % len(groups)])
        for i, group in enumerate(groups)
    ]


def published_split(actors: Iterable[str]) -> list[Fold]:
    """The split of the published checkpoints (Chumachenko et al. 2022), limited to the actors at hand.

    Raises:
        ConfigError: none of its test actors or none of its validation actors is present.
    """
    present = set(_ordered(actors))
    testing = tuple(actor for actor in PUBLISHED_TEST_ACTORS if actor in present)
    validation = tuple(actor for actor in PUBLISHED_VALIDATION_ACTORS if actor in present)
    if not testing or not validation:
        raise ConfigError(
            f"The published split tests on actors {', '.join(PUBLISHED_TEST_ACTORS)} and validates on "
            f"{', '.join(PUBLISHED_VALIDATION_ACTORS)}, who are not in these clips: choose another scheme."
        )
    return [Fold("published", testing, validation)]


def custom_split(testing: Sequence[str], validation: Sequence[str], actors: Iterable[str]) -> Fold:
    """A split from lists of actors.

    Raises:
        ConfigError: an actor is unknown or in both lists, or no actor is left for training.
    """
    present = set(_ordered(actors))
    fold = Fold("custom", tuple(_ordered(testing)), tuple(_ordered(validation)))
    unknown = [actor for actor in (*fold.testing, *fold.validation) if actor not in present]
    if unknown:
        raise ConfigError(
            f"There is no actor {unknown[0]} in the annotations: choose from {', '.join(_ordered(present))}."
        )
    if both := set(fold.testing) & set(fold.validation):
        raise ConfigError(f"Actor {sorted(both)[0]} cannot be in both testing and validation.")
    if not present - set(fold.testing) - set(fold.validation):
        raise ConfigError("No actor is left to train on: name fewer actors for testing and validation.")
    return fold


def folds(
    scheme: str, actors: Iterable[str], corpora: Mapping[str, Iterable[str]] | None = None
) -> list[Fold]:
    """The folds of a scheme: reference, rotation, loao, corpus, or Nfold as in 5fold.

    Args:
        scheme: its name.
        actors: of the clips.
        corpora: for the scheme corpus, see `actors_by_corpus`.

    Raises:
        ConfigError: the scheme is unknown, or there are too few actors for it.
    """
    if scheme == "reference":
        return published_split(actors)
    if scheme == "rotation":
        return rotation(actors)
    if scheme == "loao":
        return leave_one_actor_out(actors)
    if scheme == CORPUS:
        return leave_one_corpus_out(corpora or {})
    count = scheme.removesuffix("fold")
    if count != scheme and count.isdecimal():
        return balanced_folds(actors, int(count))
    raise ConfigError(f"There is no split named {scheme}: choose {', '.join(SCHEMES)} or any Nfold.")


def fold_of(scheme: str, actors: Iterable[str], corpora: Mapping[str, Iterable[str]] | None = None) -> Fold:
    """One fold of a scheme: "5fold:2" is the second of five, "loao" the first. See `folds`.

    Raises:
        ConfigError: the scheme is unknown, has no such fold, or there are too few actors for it.
    """
    name, colon, number = scheme.partition(":")
    all_folds = folds(name, actors, corpora)
    if not colon:
        return all_folds[0]
    if not (number.isdecimal() and 1 <= int(number) <= len(all_folds)):
        raise ConfigError(f"{name} has the folds 1 to {len(all_folds)}, not {number or 'none'}.")
    return all_folds[int(number) - 1]


def assign(items: Iterable[ClipEntry], fold: Fold) -> list[ClipEntry]:
    """The clips with their split set.

    Raises:
        ConfigError: a clip has no actor.
    """
    assigned = []
    for item in items:
        if not item.actor:
            raise ConfigError(f"{item.id} has no actor, so it cannot be assigned to a split.")
        assigned.append(replace(item, split=fold.split_of(item.actor)))
    return assigned
