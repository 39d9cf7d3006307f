"""The part of a session that reads: one model, and what it knows of one person."""

from __future__ import annotations

from emolive.evidence import Window, gather
from emolive.hearing import Hearing
from emolive.interpreter import Interpreter, Reading
from emolive.live.take import Take
from emolive.models.spec import ModelSpec
from emolive.person import Person, measure_of


class Mind:
    """One model at work. What was learnt and heard goes on in a model that measures alike.

    Args:
        interpreter: the model, loaded and warm.
        name: of the person who is read.
        before: whose place this one takes, if anybody's.
    """

    def __init__(self, interpreter: Interpreter, name: str, before: Mind | None = None) -> None:
        self.interpreter = interpreter
        self._hearing: tuple[Take, Hearing] | None = None
        self.inherits = before is not None and _alike(interpreter.spec, before.spec)
        """It goes on with the person of the one before."""
        self.person: Person = before.person if before is not None and self.inherits else self.stranger(name)
        if before is not None and before.spec.audio == interpreter.spec.audio:
            self._hearing = before._hearing

    @property
    def spec(self) -> ModelSpec:
        return self.interpreter.spec

    def stranger(self, name: str) -> Person:
        """Somebody of whom nothing is known yet."""
        return Person(self.spec, name)

    def window(self, take: Take, end_ns: int) -> Window:
        """The evidence of `take` that ends at `end_ns`."""
        sight = take.sight
        vectors = sight.vectors if sight is not None and sight.vectors.dim == self.spec.vector_width else None
        if self._hearing is None or self._hearing[0] is not take:
            self._hearing = take, Hearing(self.spec.audio)
        return gather(vectors, take.sound, end_ns, self.spec, self._hearing[1])

    def learn(self, window: Window) -> None:
        """Let the person's statistics grow by the newest bin."""
        self.person.learn(window, self.interpreter.face, self.interpreter.voice)

    def learn_neutral(self, person: Person, window: Window) -> None:
        """Add a window to the neutral statistics of somebody who is being calibrated."""
        person.neutral.add(window, self.spec, self.interpreter.face, self.interpreter.voice)

    def read(self, window: Window, mode: str) -> Reading | None:
        """What the model says of a window; None if it holds neither face nor voice."""
        return self.interpreter.read(window, self.person, mode)

    def calibrated(self, person: Person) -> list[str]:
        """Of which streams a person has enough neutral evidence."""
        face, voice = person.baselines("neutral", self.interpreter.face, self.interpreter.voice)
        return [name for name, b in (("face", face), ("voice", voice)) if b.mode == "neutral"]


def _alike(spec: ModelSpec, other: ModelSpec) -> bool:
    return measure_of(spec) == measure_of(other) and "efficientface" not in spec.encoders
