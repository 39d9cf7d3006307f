"""Online feature extraction: audio features of overlapping windows, each frame computed once.

The counterpart of Kaldi's `OnlineFbank`. The live app, file analysis and training all get their audio
features here, and from the same sound they get the same values bit for bit.

With an encoder whose frames are local (`VoiceEncoder.is_frame_local`), only the frames behind the newest kept
one are computed. A frame is kept once its samples are final: sound that arrives late, gaps and clock
corrections either change only what is not kept yet, or the buffer changes its generation. With any other
encoder each window is encoded as a whole, from resampled samples that are kept. Speech is detected beside
it, in the same way for every encoder.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emolive.audio.encoders import VoiceEncoder
from emolive.audio.resample import AudioBuffer, ResampledReader
from emolive.audio.vad import SpeechDetector, speech_of_frames, steps_in
from emolive.models.input_spec import AudioSpec
from emolive.types import AudioSegment, BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class AudioFeatures:
    """The audio features of a window."""

    frames: FloatArray
    """(n, channels)"""
    present: BoolArray
    """(n,) which frames were recorded; silence is recorded too."""
    speech: BoolArray
    """(n,) which of them are speech."""

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True, slots=True)
class _Frames:
    """Frames of a window, or of a part of it."""

    vectors: FloatArray
    """(n, channels)"""
    present: BoolArray
    """(n,)"""

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, part: slice) -> _Frames:
        return _Frames(self.vectors[part], self.present[part])

    def __add__(self, other: _Frames) -> _Frames:
        return _Frames(
            np.concatenate([self.vectors, other.vectors]), np.concatenate([self.present, other.present])
        )


@dataclass(frozen=True, slots=True)
class _KeptFrames:
    """The newest frames of a buffer that are final."""

    frames: _Frames
    buffer: AudioBuffer
    generation: int
    end: int
    """Position of the last frame's end, in samples at the encoder's rate."""

    def __len__(self) -> int:
        return len(self.frames)


class OnlineFeatureExtractor:
    """Extracts the audio features of windows of one buffer, in any order; fast when they move forwards.

    For one thread.

    Args:
        spec: which features.
    """

    def __init__(self, spec: AudioSpec) -> None:
        self.encoder: VoiceEncoder = spec.encoder
        self.n_computed = 0
        """Frames computed so far; all others were kept from earlier windows."""
        self.speech_detector = SpeechDetector()
        self._reader = ResampledReader(self.encoder.rate_hz)
        self._kept: _KeptFrames | None = None

    def read(self, buffer: AudioBuffer, end_ns: int, n_samples: int) -> AudioFeatures:
        """The features of a window.

        Args:
            buffer: the sound, at any rate.
            end_ns: when the window ends.
            n_samples: its length in samples at the encoder's rate.

        Returns:
            `encoder.n_frames(n_samples)` frames. What was not recorded counts as silence.
        """
        encoder = self.encoder
        seconds = n_samples / encoder.rate_hz
        probabilities = self.speech_detector.read(buffer, end_ns, steps_in(seconds))
        speech = speech_of_frames(probabilities, encoder.n_frames(n_samples), seconds)
        frames = self._read_frames(buffer, end_ns, n_samples)
        return AudioFeatures(frames.vectors, frames.present, speech & frames.present)

    def _read_frames(self, buffer: AudioBuffer, end_ns: int, n_samples: int) -> _Frames:
        encoder = self.encoder
        n_frames = encoder.n_frames(n_samples)
        if not (encoder.is_frame_local and n_samples == n_frames * encoder.hop_length):
            segment = self._reader.read(buffer, end_ns, encoder.left_context + n_samples)
            return self._encode(segment.samples, segment.present, n_frames)
        place = self._reader.locate(buffer, end_ns)
        n_kept = self._n_usable(buffer, *place, n_frames)
        segment = self._read_segment(buffer, end_ns, n_frames - n_kept)
        if n_kept and (segment.end, segment.generation) != place:
            # The buffer was rewritten between the two reads.
            n_kept = 0
            segment = self._read_segment(buffer, end_ns, n_frames)
        frames = self._encode(segment.samples, segment.present, n_frames - n_kept)
        if n_kept and self._kept is not None:
            frames = self._kept.frames[len(self._kept) - n_kept :] + frames
        n_open = min(n_frames, -((segment.stable_until - segment.end) // encoder.hop_length))
        self._kept = _KeptFrames(
            frames[: n_frames - n_open],
            buffer,
            segment.generation,
            segment.end - n_open * encoder.hop_length,
        )
        return frames

    def _read_segment(self, buffer: AudioBuffer, end_ns: int, n_frames: int) -> AudioSegment:
        n = self.encoder.left_context + n_frames * self.encoder.hop_length
        return self._reader.read(buffer, end_ns, n)

    def _n_usable(self, buffer: AudioBuffer, end: int, generation: int, n_frames: int) -> int:
        """How many of a window's first frames are the newest kept ones."""
        kept = self._kept
        if kept is None or kept.buffer is not buffer or kept.generation != generation:
            return 0
        n_new, rest = divmod(end - kept.end, self.encoder.hop_length)
        n_usable = n_frames - n_new
        return n_usable if not rest and n_new > 0 and 0 < n_usable <= len(kept) else 0

    def _encode(self, samples: FloatArray, present: BoolArray, n_frames: int) -> _Frames:
        self.n_computed += n_frames
        present = present[self.encoder.left_context :]
        middles = ((np.arange(n_frames) + 0.5) * len(present) / max(1, n_frames)).astype(np.intp)
        return _Frames(self.encoder(samples).T, present[middles])
