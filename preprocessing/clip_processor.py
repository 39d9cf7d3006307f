"""One clip from file to files: decoded once, cut where picture and sound are the same 3.6 s."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emolive.audio import features as audio
from emolive.audio.vad import SPEECH_FLOOR_DBFS
from emolive.capture.media_file import iter_media, probe
from emolive.capture.prefetch import MEDIA_BUFFER_SIZE, prefetch
from emolive.clock import to_ns, to_s
from emolive.errors import EmoliveError
from emolive.types import AudioBlock, Frame
from emolive.windowing import Waveform, centre_window_end_ns
from preprocessing import output as names
from preprocessing.annotations import ClipEntry
from preprocessing.audio import encode_sound, loudest_dbfs, window_of
from preprocessing.face_extractor import (
    FILLED,
    MEASURED,
    PADDED,
    FaceExtractor,
    encode_array,
    encode_landmarks,
)
from preprocessing.output import Output
from preprocessing.records import Issue, Kind, PreprocessConfig, Record, Step, StepResult


def source_state(root: Path, clip: ClipEntry) -> dict[str, tuple[int, int]]:
    """Size and time of change of a clip's files, by which a later run knows them again."""
    found = {}
    for name in filter(None, {clip.video, clip.audio}):
        try:
            state = (root / name).stat()
            found[name] = state.st_size, state.st_mtime_ns
        except OSError:
            found[name] = -1, 0
    return found


@dataclass(slots=True)
class _Decoded:
    """What a clip held. Its frames have gone through the reader."""

    duration_s: float = 0.0
    has_picture: bool = False
    sound: Waveform | None = None
    sound_from: str = ""
    """The file that the sound was taken from."""
    own_is_silent: bool = False
    """There is a sound track, and the file beside it was taken because nothing is heard in it."""
    damage: str | None = None


class ClipProcessor:
    """Cuts clips, one after another. Belongs to one process.

    Args:
        root: what the clips' paths start from.
        output: where to.
        cut: what to cut out.
        steps: faces, audio or both.
    """

    def __init__(self, root: Path, output: Output, cut: PreprocessConfig, steps: tuple[Step, ...]) -> None:
        self._root = root
        self._output = output
        self._cut = cut
        self._steps = steps
        self._reader = FaceExtractor(cut) if "faces" in steps else None

    def __call__(self, clip: ClipEntry) -> Record:
        """Write a clip's files and then its record.

        What is wrong with the clip is in the record. EmoliveError if OUT cannot be written.
        """
        source = source_state(self._root, clip)
        old = self._output.record(clip.id)
        kept = dict(old.steps) if old and old.is_of(clip, source) else {}
        try:
            decoded = self._decode(clip)
        except (EmoliveError, ValueError, RuntimeError, MemoryError) as error:
            fault = Issue(
                "corrupt", clip.id, str(error).replace(f"{self._root}/", "") or type(error).__name__
            )
            results: dict[str, StepResult] = {step: StepResult({}, (fault,), {}) for step in self._steps}
        else:
            end_ns = centre_window_end_ns(decoded.duration_s, self._cut.pixels)
            results = {
                step: self._faces(clip, decoded, end_ns)
                if step == "faces"
                else self._audio(clip, decoded, end_ns)
                for step in self._steps
            }
        record = Record(clip, source, dict(sorted((kept | results).items())))
        self._output.save_record(record)
        return record

    def _decode(self, clip: ClipEntry) -> _Decoded:
        decoded = _Decoded()
        if self._reader is not None:
            self._reader.reset()

        def on_damage(text: str) -> None:
            decoded.damage = decoded.damage or text

        file = clip.audio if clip.audio != clip.video else ""
        has_own = bool(clip.video and clip.audio) and probe(self._root / clip.video).has_audio
        own = has_own and not (file and self._cut.sound == "file")
        blocks: list[AudioBlock] = []
        end_ns = 0
        if clip.video:
            media = iter_media(self._root / clip.video, audio=own, on_corruption=on_damage)
            with closing(prefetch(media, MEDIA_BUFFER_SIZE)) as items:
                for item in items:
                    if isinstance(item, AudioBlock):
                        blocks.append(item)
                        continue
                    decoded.has_picture = True
                    end_ns = max(end_ns, item.t_ns)
                    self._look(item)
        decoded.sound, decoded.sound_from = Waveform.from_blocks(blocks), clip.video
        own_is_silent = decoded.sound is not None and loudest_dbfs(decoded.sound) < SPEECH_FLOOR_DBFS
        if file and (decoded.sound is None or own_is_silent):
            beside = iter_media(self._root / file, video=False, on_corruption=on_damage)
            decoded.sound = Waveform.from_blocks([item for item in beside if isinstance(item, AudioBlock)])
            decoded.sound_from, decoded.own_is_silent = file, own_is_silent
        if decoded.sound is not None:
            end_ns = max(end_ns, to_ns(len(decoded.sound.samples) / decoded.sound.rate_hz))
        decoded.duration_s = to_s(end_ns)
        return decoded

    def _look(self, frame: Frame) -> None:
        if self._reader is not None:
            self._reader.look(frame)

    def _faces(self, clip: ClipEntry, decoded: _Decoded, end_ns: int) -> StepResult:
        assert self._reader is not None
        step = _Result(self._output, clip, decoded, end_ns, self._cut)
        crops, landmarks = self._reader.crops(end_ns), self._reader.landmarks()
        step.facts["frames"] = self._reader.looked_at
        step.facts["frames_with_face"] = len(landmarks.frames) if landmarks else 0
        if not decoded.has_picture:
            if clip.video:
                step.fault("faceless", "There is no picture in it.")
        elif crops is None:
            step.fault("faceless", "No face was found in it.")
        if crops is not None:
            step.write(f"{names.CROPS}/{clip.id}.npy", encode_array(crops.images))
            step.write(f"{names.CROPS}/{clip.id}.mask.npy", encode_array(crops.mask))
            for name, code in (("measured", MEASURED), ("filled", FILLED), ("padded", PADDED)):
                step.facts[name] = int((crops.mask == code).sum())
        if landmarks is not None:
            step.write(f"{names.LANDMARKS}/{clip.id}.npz", encode_landmarks(clip.id, landmarks))
        return step.done()

    def _audio(self, clip: ClipEntry, decoded: _Decoded, end_ns: int) -> StepResult:
        step = _Result(self._output, clip, decoded, end_ns, self._cut)
        sound, cut = decoded.sound, self._cut
        if sound is None:
            step.fault("silent", "There is no sound in it, and no sound file beside it.")
            return step.done()
        level_dbfs = loudest_dbfs(sound)
        if level_dbfs < SPEECH_FLOOR_DBFS:
            step.fault("silent", f"Its sound never exceeds {level_dbfs:.0f} dBFS.")
        part, span = window_of(sound, end_ns, cut.samples, cut.rate_hz)
        atomic_write = np.asarray(audio.resample(sound.samples, sound.rate_hz, cut.rate_hz).numpy())
        for folder, samples in ((names.AUDIO, part), (names.WHOLE_AUDIO, atomic_write)):
            data = encode_sound(samples, cut.rate_hz, cut.audio_format)
            step.write(f"{folder}/{clip.id}.{cut.audio_format}", data)
        step.facts |= {
            "sound": "own" if decoded.sound_from == clip.video else "file",
            "sound_from": decoded.sound_from,
            "own_is_silent": decoded.own_is_silent,
            "sound_in_window_s": list(span),
            "loudest_dbfs": round(level_dbfs, 1),
        }
        return step.done()


class _Result:
    """Gathers what one step does."""

    def __init__(
        self, output: Output, clip: ClipEntry, decoded: _Decoded, end_ns: int, cut: PreprocessConfig
    ) -> None:
        self._output = output
        self._clip = clip
        self._faults: list[Issue] = []
        self._files: dict[str, tuple[int, str]] = {}
        self.facts: dict[str, Any] = {
            "duration_s": round(decoded.duration_s, 4),
            "window_s": [round(to_s(end_ns) - cut.window_s, 4), round(to_s(end_ns), 4)],
        }
        if decoded.damage:
            self.fault("corrupt", decoded.damage)

    def fault(self, kind: Kind, text: str) -> None:
        self._faults.append(Issue(kind, self._clip.id, text))

    def write(self, name: str, data: bytes) -> None:
        self._files[name] = self._output.write(name, data)

    def done(self) -> StepResult:
        return StepResult(self.facts, tuple(self._faults), self._files)
