"""Splits by actor: nobody is heard or seen both in training and in testing.

They follow from the actors' ids alone, never from the order in which a file system lists them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from emolive.errors import EmoliveError
from preprocessing.annotations import ClipEntry, actor_order

RELEASED_TEST = ("5", "10", "16", "19")
RELEASED_VALIDATION = ("11", "13", "18", "22")
SCHEMES = ("reference", "rotation", "5fold", "6fold", "loao")


@dataclass(frozen=True, slots=True)
class Fold:
    """Who is tested and who validates; everybody else trains."""

    name: str
    testing: tuple[str, ...]
    validation: tuple[str, ...] = ()

    def split_of(self, actor: str) -> str:
        """training, validation or testing."""
        who = normalize_actor_id(actor)
        if who in self.testing:
            return "testing"
        return "validation" if who in self.validation else "training"


def normalize_actor_id(actor: str) -> str:
    """ "05" and "5" are one actor."""
    return str(int(actor)) if actor.isdecimal() else actor


def _ordered(actors: Iterable[str]) -> list[str]:
    return sorted({normalize_actor_id(actor) for actor in actors}, key=actor_order)


def balanced(actors: Iterable[str], n: int) -> list[Fold]:
    """`n` folds with as many men (odd ids) as women (even ids) in each as can be; nobody validates.

    Raises:
        EmoliveError: fewer than two folds, or more folds than actors.
    """
    ordered = _ordered(actors)
    if not 2 <= n <= len(ordered):
        raise EmoliveError(f"{len(ordered)} actors cannot be split into {n} folds.")
    men = [actor for actor in ordered if actor.isdecimal() and int(actor) % 2]
    queue = men + [actor for actor in ordered if actor not in men]
    return [Fold(f"{i + 1} of {n}", tuple(_ordered(queue[i::n]))) for i in range(n)]


def leave_one_actor_out(actors: Iterable[str]) -> list[Fold]:
    """One fold for each actor."""
    return [Fold(f"actor {actor}", (actor,)) for actor in _ordered(actors)]


def rotation(actors: Iterable[str]) -> list[Fold]:
    """The published 4 / 4 / 16: four actors test, the next four validate; six turns of 24 actors."""
    ordered = _ordered(actors)
    groups = [tuple(ordered[i : i + 4]) for i in range(0, len(ordered), 4)]
    if len(groups) < 3:
        raise EmoliveError(f"The 4/4/16 rotation wants at least nine actors, and there are {len(ordered)}.")
    return [
        Fold(f"turn {i + 1} of {len(groups)}", group, groups[(i + 1) % len(groups)])
        for i, group in enumerate(groups)
    ]


def released(actors: Iterable[str]) -> list[Fold]:
    """The split of the published checkpoints, as far as its actors are there."""
    here = set(_ordered(actors))
    testing = tuple(actor for actor in RELEASED_TEST if actor in here)
    validation = tuple(actor for actor in RELEASED_VALIDATION if actor in here)
    if not testing or not validation:
        raise EmoliveError(
            f"The published split tests actors {', '.join(RELEASED_TEST)}, and none of them or of its "
            f"validation actors is here: choose another scheme."
        )
    return [Fold("published", testing, validation)]


def own(testing: Sequence[str], validation: Sequence[str], actors: Iterable[str]) -> Fold:
    """A split from lists of ids. EmoliveError if one of them is unknown, in both, or nobody is left."""
    here = set(_ordered(actors))
    chosen = Fold("own", tuple(_ordered(testing)), tuple(_ordered(validation)))
    unknown = [actor for actor in (*chosen.testing, *chosen.validation) if actor not in here]
    if unknown:
        known = ", ".join(_ordered(here))
        raise EmoliveError(f"There is no actor {unknown[0]} in the annotations: known are {known}.")
    if both := set(chosen.testing) & set(chosen.validation):
        raise EmoliveError(f"Actor {sorted(both)[0]} cannot both test and validate.")
    if not here - set(chosen.testing) - set(chosen.validation):
        raise EmoliveError("Nobody is left to train on: name fewer actors for testing and validation.")
    return chosen


def folds(scheme: str, actors: Iterable[str]) -> list[Fold]:
    """The folds of a scheme: reference, rotation, loao, or Nfold as in 5fold.

    Raises:
        EmoliveError: the scheme is unknown, or there are too few actors for it.
    """
    if scheme == "reference":
        return released(actors)
    if scheme == "rotation":
        return rotation(actors)
    if scheme == "loao":
        return leave_one_actor_out(actors)
    count = scheme.removesuffix("fold")
    if count != scheme and count.isdecimal():
        return balanced(actors, int(count))
    raise EmoliveError(f"There is no split named {scheme}: known are {', '.join(SCHEMES)}, and any Nfold.")


def assign(items: Iterable[ClipEntry], fold: Fold) -> list[ClipEntry]:
    """The items with their split set. EmoliveError for an item whose actor is unknown."""
    assigned = []
    for item in items:
        if not item.actor:
            raise EmoliveError(f"{item.id} names no actor, so it cannot be put on one side of a split.")
        assigned.append(replace(item, split=fold.split_of(item.actor)))
    return assigned
