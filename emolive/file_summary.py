"""The summary of a file: the window in its middle, and the shares of what all of them displayed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from emolive.clip_features import ClipFeatures
from emolive.clock import to_ns, to_s
from emolive.errors import MediaError
from emolive.hints import common_hints
from emolive.models.spec import ModelSpec
from emolive.predictor import Predictor
from emolive.profile import SpeakerProfile
from emolive.types import Estimate, FileSummary
from emolive.windowing import FeatureWindow, centre_window_end_ns

_N_KEPT_WINDOWS = 96
"""Windows over the whole file of which one becomes its summary."""


def too_short(name: str, duration_s: float, needed_s: float) -> str:
    """The sentence for a file that is over before a window can be read."""
    return f"{name} is too short: it lasts {duration_s:.1f} s, and {needed_s:.1f} s are needed."


class FileSummarizer:
    """Collects what the summary of one file needs, in constant memory.

    Args:
        predictor: the model.
        baseline: none, neutral or running.
        expected_s: the file's duration if it states it.
    """

    def __init__(self, predictor: Predictor, baseline: str, expected_s: float | None) -> None:
        self._predictor, self._baseline = predictor, baseline
        spec = predictor.spec
        self._middle = _MiddleWindows(None if expected_s is None else centre_window_end_ns(expected_s, spec))
        self._n_displayed: Counter[str] = Counter()
        self._n_hints: Counter[str] = Counter()
        self._has_noise = False
        """A window has sound without speech."""

    def add(self, window: FeatureWindow, estimate: Estimate | None) -> None:
        """Take note of a window and of the estimate for it, if there is one."""
        self._has_noise = self._has_noise or "no_speech" in window.hints
        if estimate is None:
            return
        self._middle.add(window)
        self._n_displayed[estimate.label] += 1
        self._n_hints.update(estimate.hints)

    def summarize(
        self, clip: ClipFeatures, profile: SpeakerProfile, window_at: Callable[[int], FeatureWindow]
    ) -> FileSummary:
        """The summary of the file.

        Args:
            clip: its newest features.
            profile: of the person.
            window_at: the window of the file that ends at a time.

        Raises:
            MediaError: there is no window to summarise it with.
        """
        spec, n_displayed = self._predictor.spec, self._n_displayed
        centre_ns = centre_window_end_ns(clip.duration_s, spec)
        # Without face and voice in the middle, the nearest window that has one is used.
        windows = self._middle.nearest(centre_ns)
        if centre_ns > to_ns(clip.duration_s):
            windows.insert(0, window_at(centre_ns))
        for window in windows:
            prediction = self._predictor.predict(window, profile, self._baseline, alone=True)
            if prediction is None:
                continue
            likeliest = int(np.argmax(prediction.probs))
            return FileSummary(
                source=str(clip.path),
                t_ns=window.end_ns,
                t_s=to_s(window.end_ns),
                labels=spec.labels,
                raw_probs=prediction.probs,
                probs=prediction.probs,
                label=spec.labels[likeliest],
                confidence=prediction.probs[likeliest],
                modality=prediction.modality,
                fusion=spec.fusion,
                baseline=prediction.baseline,
                answer_age_s=prediction.age_s,
                hints=common_hints(self._n_hints, n_displayed.total()),
                shares={label: n / n_displayed.total() for label, n in n_displayed.most_common()},
            )
        raise self._nothing_found(clip, spec)

    def _nothing_found(self, clip: ClipFeatures, spec: ModelSpec) -> MediaError:
        if spec.streams != "av":
            kind = "voice" if spec.streams == "a" else "face"
            return MediaError(
                f"{clip.path.name} holds no {kind} that can be analysed, and this model reads nothing else."
            )
        sound = " There is sound, but no speech." if self._has_noise else ""
        return MediaError(f"{clip.path.name} holds neither a face nor a voice that can be analysed.{sound}")


class _MiddleWindows:
    """Windows of a file of which one lies in its middle, however long it turns out to be.

    All of a short file; of a long one evenly spaced ones, and those where the middle should be.

    Args:
        expected_ns: where the middle window ends if the file is as long as it states.
    """

    def __init__(self, expected_ns: int | None) -> None:
        self._expected_ns = expected_ns
        self._kept: list[FeatureWindow] = []
        self._expected: FeatureWindow | None = None
        self._count = 0
        self._stride = 1

    def add(self, window: FeatureWindow) -> None:
        """Note a window that gave an estimate."""
        if window.end_ns == self._expected_ns:
            self._expected = window
        if self._count % self._stride == 0:
            self._kept.append(window)
        self._count += 1
        if len(self._kept) > _N_KEPT_WINDOWS:
            self._kept = self._kept[::2]
            self._stride *= 2

    def nearest(self, end_ns: int) -> list[FeatureWindow]:
        """The window that ends nearest to `end_ns`, of those that were kept; none if there is none."""
        windows = self._kept if self._expected is None else [*self._kept, self._expected]
        return sorted(windows, key=lambda window: abs(window.end_ns - end_ns))[:1]
