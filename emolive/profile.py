"""The statistics of one person: running ones of the session, and saved ones of a neutral calibration."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from emolive import bounded_json
from emolive.atomic_io import atomic_write
from emolive.clock import to_ns
from emolive.errors import CheckpointError, ConfigError, OutputError
from emolive.expression_stats import ExpressionStats
from emolive.models import checks as check
from emolive.models.feature_space import FeatureSpace
from emolive.models.spec import ModelSpec
from emolive.normalization import GlobalStats, Normalizer, RunningStats, make_normalizer
from emolive.opinion_pool import OpinionPool, Reference
from emolive.paths import user_dir
from emolive.windowing import FeatureWindow

FORMAT = 2
ABSENCE_RESET_S = 8.0
"""A face that was absent for longer may be another person's when it returns."""
MAX_BYTES = 1 << 20
"""A baseline file has some 10 kB."""
MIN_FIT_S = 20.0
"""So much of a face is compared with a neutral baseline."""
MAX_NEUTRAL_DISTANCE = 1.0
"""Of a person's face from their own neutral one; farther is another person, camera or pose."""
_LONGEST_NAME = 40
_FORMAT_1_STREAMS = {"video": "face", "audio": "voice"}


@dataclass(slots=True)
class SpeakerStats:
    """Statistics of one person's video and audio features, and of the expressions of their face."""

    video: RunningStats
    audio: RunningStats
    expression: ExpressionStats = field(default_factory=ExpressionStats.zero)

    @classmethod
    def none(cls, spec: ModelSpec) -> SpeakerStats:
        """Statistics of a person of whom nothing was measured yet."""
        return cls(RunningStats.zero(spec.video_dim), RunningStats.zero(spec.audio.channels))

    def add(self, window: FeatureWindow, spec: ModelSpec, video: GlobalStats, audio: GlobalStats) -> None:
        """Add a window's newest bin: its video vector if there is a face, and its speech frames.

        Args:
            window: its other bins must have been added before.
            spec: of the model.
            video, audio: the model's global statistics, which bound outliers.
        """
        if window.video_present[-1]:
            self.video = self.video + RunningStats.of(video.clip_outliers(window.video[-1:]))
        expressions, present = window.expressions, window.expressions_present
        if expressions is not None and present is not None and present[-1]:
            self.expression = self.expression + ExpressionStats.of(expressions[-1:])
        newest = len(window.audio) // spec.n_bins
        speech = window.audio[-newest:][window.speech[-newest:]]
        if len(speech):
            self.audio = self.audio + RunningStats.of(audio.clip_outliers(speech))


class SpeakerProfile:
    """The statistics of one person in one feature space. Not thread-safe.

    Args:
        spec: of the model that reads the person.
        name: under which the neutral statistics are saved.
        space: the model's feature space; needed if its frame encoder is learned, see
            `Predictor.new_profile`.

    Attributes:
        running: statistics of this session so far.
        neutral: statistics of a calibration.
    """

    def __init__(self, spec: ModelSpec, name: str = "guest", space: FeatureSpace | None = None) -> None:
        self.spec = spec
        self.name = name
        self.space = FeatureSpace.of(spec) if space is None else space
        self.neutral = SpeakerStats.none(spec)
        self.reset()

    def reset(self) -> None:
        """Start the running statistics anew, as for another person."""
        self.running = SpeakerStats.none(self.spec)
        self._face_seen_ns: int | None = None

    def update(self, window: FeatureWindow, video: GlobalStats, audio: GlobalStats) -> None:
        """Add a window's newest bin to the running statistics; windows come in order.

        They start anew with a face that was absent for more than ABSENCE_RESET_S.
        """
        if window.video_present[-1]:
            if self._face_seen_ns is not None and window.end_ns - self._face_seen_ns > to_ns(ABSENCE_RESET_S):
                self.reset()
            self._face_seen_ns = window.end_ns
        self.running.add(window, self.spec, video, audio)

    @property
    def classifier(self) -> str | None:
        """Digest of the classifier that measures the expressions, if there is one."""
        return None if self.spec.pool is None else self.spec.pool.classifier

    def reference(self, mode: str, pool: OpinionPool) -> Reference:
        """The neutral state of the person's face in `mode`.

        A calibration without expressions (an older file, or one of the voice alone) counts as none: then
        what was seen in this session is used.
        """
        if mode == "neutral" and self.neutral.expression.count:
            return pool.reference("neutral", self.neutral.expression)
        return pool.reference("none" if mode == "none" else "running", self.running.expression)

    def neutral_fits(self, video: GlobalStats) -> bool:
        """Whether the neutral face can be that of the person in view; True while too little was seen.

        The distance between both means is the root mean square over the features, in their deviations
        within a speaker. See docs/experiments.md, "Does a saved baseline fit?".

        Args:
            video: the model's global statistics.
        """
        neutral, running = self.neutral.video, self.running.video
        if not neutral.count or running.count < MIN_FIT_S * video.rate_hz:
            return True
        deviations = (running.mean - neutral.mean) / np.maximum(video.within_speaker_std, 1e-6)
        return bool(np.sqrt(np.mean(deviations**2)) <= MAX_NEUTRAL_DISTANCE)

    def _expression_stats(self, stored: object) -> ExpressionStats:
        """Those of a file; none if another classifier measured them."""
        if stored is None:
            return ExpressionStats.zero()
        values = check.mapping("expression", stored)
        if values.pop("classifier", None) != self.classifier:
            return ExpressionStats.zero()
        return ExpressionStats.from_dict(values)

    def normalizers(self, mode: str, video: GlobalStats, audio: GlobalStats) -> tuple[Normalizer, Normalizer]:
        """The normalisers of video and audio in `mode`, as far as the evidence allows."""
        evidence = self.neutral if mode == "neutral" else self.running
        return make_normalizer(mode, video, evidence.video), make_normalizer(mode, audio, evidence.audio)

    def save(self) -> Path:
        """Write the neutral statistics under the person's name. OutputError if that is not possible."""
        path = _path(self.name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise OutputError(f"{path.parent} cannot be created: {error.strerror}.") from error
        stored: dict[str, Any] = {"format": FORMAT, "name": self.name, "space": self.space.to_dict()}
        for stream in ("video", "audio"):
            stats: RunningStats = getattr(self.neutral, stream)
            stored[stream] = {
                "count": stats.count,
                "total": stats.total.tolist(),
                "squares": stats.squares.tolist(),
            }
        if self.classifier is not None:
            stored["expression"] = {"classifier": self.classifier, **self.neutral.expression.to_dict()}
        # How a person looks and sounds is nobody else's business.
        with atomic_write(path, mode=0o600) as part:
            part.write_text(json.dumps(stored))
        return path

    def load(self) -> bool:
        """Load the saved neutral statistics; False if there are none under this name.

        Raises:
            CheckpointError: they are of another feature space, or cannot be read.
        """
        path = _path(self.name)
        if not path.is_file():
            return False
        try:
            stored = check.mapping("the baseline", bounded_json.read(path, max_bytes=MAX_BYTES))
            if stored.get("format") == 1:
                stored = _from_format_1(stored, self.space)
            elif stored.get("format") != FORMAT:
                raise ValueError("another format")
            if "measured" in stored:
                measured = stored["measured"]
            else:
                measured = FeatureSpace.from_dict(check.mapping("space", stored.get("space")))
            if measured != self.space:
                raise CheckpointError(
                    f"The saved baseline of {self.name} was measured with {measured}, "
                    f"this model measures with {self.space}: calibrate again."
                )
            loaded = SpeakerStats(
                _stats(stored.get("video"), self.spec.video_dim),
                _stats(stored.get("audio"), self.spec.audio.channels),
                self._expression_stats(stored.get("expression")),
            )
        except (OSError, ConfigError, ValueError) as error:
            raise CheckpointError(
                f"The saved baseline of {self.name} cannot be read: calibrate again."
            ) from error
        self.neutral = loaded
        return True


def _from_format_1(stored: dict[str, Any], space: FeatureSpace) -> dict[str, Any]:
    """A profile of format 1, which named the streams "face" and "voice" and their measure in words.

    Returns:
        The profile with `measured`: `space` itself if the words describe it, else the words.
    """
    streams = {stream: check.mapping(old, stored.get(old)) for stream, old in _FORMAT_1_STREAMS.items()}
    measured = {stream: str(values.pop("measure", "")) for stream, values in streams.items()}
    same = measured == _format_1_measure(space)
    return {**streams, "measured": space if same else check.shorten("; ".join(measured.values()), 300)}


def _format_1_measure(space: FeatureSpace) -> dict[str, str] | None:
    """The words in which format 1 described a feature space; None for one that it cannot describe.

    It rounded bins to whole milliseconds, and left out the weights of a learned encoder.
    """
    audio = space.audio
    if space.encoders != ("landmarks",) or space.bin_ns % 1_000_000:
        return None
    limits = f"{audio.fmin_hz:.0f}-{audio.fmax_hz:.0f} Hz, floor {audio.floor_db:.0f} dB"
    frames = f"{audio.rate_hz} Hz, {audio.n_fft}/{audio.hop_length}"
    return {
        "video": f"geometry by {space.landmarker}, {space.pooling} of {space.bin_ns // 1_000_000} ms",
        "audio": f"{audio.kind} {frames}, {audio.channels} channels of {audio.n_mels}, {limits}",
    }


def _stats(stored: object, width: int) -> RunningStats:
    values = check.exact(RunningStats, stored, "statistics of the person")
    check.number("count", values["count"], 0, 1e12)
    total, squares = (check.array(name, values[name], width) for name in ("total", "squares"))
    if (squares < 0).any():
        raise ConfigError("The statistics of the person do not fit: a square is negative.")
    return RunningStats(float(values["count"]), total, squares)


def _path(name: str) -> Path:
    """The file of a person: readable, with a digest where the name itself cannot be a file name."""
    readable = re.sub(r"[^a-z0-9-]+", "_", name)[:_LONGEST_NAME]
    mark = "" if readable == name else "." + sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return user_dir() / "people" / f"{readable}{mark}.json"
