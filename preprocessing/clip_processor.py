"""Processes one clip: decodes it once and writes its face crops, landmarks and audio."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emolive.audio.resample import resample
from emolive.capture.media_file import iter_media, probe
from emolive.capture.prefetch import MEDIA_BUFFER_SIZE, prefetch
from emolive.clock import to_ns, to_s
from emolive.errors import EmoliveError, OutputError
from emolive.time_series import Waveform
from emolive.types import AudioBlock
from preprocessing import output as names
from preprocessing.annotations import ClipEntry
from preprocessing.archives import file_state, local_file
from preprocessing.audio import SILENT_BELOW_DBFS, encode_audio, extract_audio_window, peak_level_dbfs
from preprocessing.clip_parts import part_name, part_spans
from preprocessing.face_extractor import (
    FILLED,
    MEASURED,
    PADDED,
    FaceExtractor,
    encode_array,
    encode_landmarks,
)
from preprocessing.faults import reading
from preprocessing.output import OutputFolder
from preprocessing.records import Issue, Kind, PreprocessConfig, Record, Step, StepResult


def source_state(root: Path, clip: ClipEntry) -> dict[str, tuple[int, int]]:
    """What changes with a clip's files, see `archives.file_state`; -1 and 0 for a missing file."""
    return {name: file_state(root / name) or (-1, 0) for name in {clip.video, clip.audio} if name}


@dataclass(slots=True)
class _Decoded:
    """A decoded clip. Its frames have gone to the face extractor."""

    duration_s: float = 0.0
    has_video: bool = False
    audio: Waveform | None = None
    audio_file: str = ""
    """The source file of the audio."""
    track_is_silent: bool = False
    """The audio file was used because the clip's own audio track is silent."""
    corruption: str | None = None


class ClipProcessor:
    """Processes clips, one after another, in one process.

    Args:
        root: the folder that the clips' paths are relative to.
        output: the folder to write to.
        config: the configuration of the extraction.
        steps: faces, audio or both.
    """

    def __init__(
        self, root: Path, output: OutputFolder, config: PreprocessConfig, steps: tuple[Step, ...]
    ) -> None:
        self._root = root
        self._output = output
        self._config = config
        self._steps = steps
        self._faces = FaceExtractor(config) if "faces" in steps else None

    def __call__(self, clip: ClipEntry) -> Record:
        """Write a clip's files and then its record.

        Returns:
            The record. Problems of the clip are issues in it.

        Raises:
            OutputError: the output folder, or that for temporary files, cannot be written to.
        """
        source = source_state(self._root, clip)
        old = self._output.record(clip.id)
        valid_steps = dict(old.steps) if old and old.matches(clip, source) else {}
        files: dict[str, Path] = {}
        try:
            with ExitStack() as stack:
                stack.enter_context(reading(self._root / (clip.video or clip.audio), "a video or sound file"))
                for name in source:
                    files[name] = stack.enter_context(local_file(self._root / name))
                decoded = self._decode(clip, files)
        except OutputError:
            # There is no room for what is in an archive, which is no fault of the clip.
            raise
        except EmoliveError as error:
            text = str(error)
            for name, path in files.items():
                text = text.replace(str(path), name)
            text = text.replace(f"{self._root}/", "")
            issue = Issue("corrupt", clip.id, text)
            results: dict[str, StepResult] = {step: StepResult({}, (issue,), {}) for step in self._steps}
        else:
            ends_ns = [span.centre_end_ns for span in part_spans(decoded.duration_s, self._config.pixels)]
            write = {"faces": self._write_faces, "audio": self._write_audio}
            results = {step: write[step](clip, decoded, ends_ns) for step in self._steps}
        record = Record(clip, source, dict(sorted((valid_steps | results).items())))
        self._output.save_record(record)
        return record

    def _decode(self, clip: ClipEntry, files: Mapping[str, Path]) -> _Decoded:
        """Decode the clip; frames go to the face extractor as they come.

        Args:
            clip: the clip.
            files: where its video and its audio are on the disk.
        """
        decoded = _Decoded()
        if self._faces is not None:
            self._faces.reset()

        def on_corruption(text: str) -> None:
            decoded.corruption = decoded.corruption or text

        audio_file = clip.audio if clip.audio != clip.video else ""
        has_track = bool(clip.video and clip.audio) and probe(files[clip.video]).has_audio
        use_track = has_track and not (audio_file and self._config.audio_source == "file")
        blocks: list[AudioBlock] = []
        end_ns = 0
        if clip.video:
            media = iter_media(files[clip.video], audio=use_track, on_corruption=on_corruption)
            with closing(prefetch(media, MEDIA_BUFFER_SIZE)) as items:
                for item in items:
                    if isinstance(item, AudioBlock):
                        blocks.append(item)
                        continue
                    decoded.has_video = True
                    end_ns = max(end_ns, item.t_ns)
                    if self._faces is not None:
                        self._faces.process(item)
        decoded.audio, decoded.audio_file = Waveform.from_blocks(blocks), clip.video
        track_is_silent = decoded.audio is not None and peak_level_dbfs(decoded.audio) < SILENT_BELOW_DBFS
        if audio_file and (decoded.audio is None or track_is_silent):
            media = iter_media(files[audio_file], video=False, on_corruption=on_corruption)
            decoded.audio = Waveform.from_blocks([item for item in media if isinstance(item, AudioBlock)])
            decoded.audio_file, decoded.track_is_silent = audio_file, track_is_silent
        if decoded.audio is not None:
            end_ns = max(end_ns, to_ns(len(decoded.audio.samples) / decoded.audio.rate_hz))
        decoded.duration_s = to_s(end_ns)
        return decoded

    def _write_faces(self, clip: ClipEntry, decoded: _Decoded, ends_ns: list[int]) -> StepResult:
        assert self._faces is not None
        step = _StepWriter(self._output, clip, decoded, ends_ns, self._config)
        crops_of = {part_name(clip.id, i): self._faces.crops(end_ns) for i, end_ns in enumerate(ends_ns)}
        landmarks = self._faces.landmarks()
        step.stats["frames"] = self._faces.n_processed
        step.stats["frames_with_face"] = len(landmarks.frames) if landmarks else 0
        if not decoded.has_video:
            if clip.video:
                step.add_issue("faceless", "It has no video.")
        elif not any(crops_of.values()):
            step.add_issue("faceless", "No face was detected in it.")
        if self._faces.n_turned:
            step.add_issue("turned", f"Its picture is upside down; {self._faces.n_turned} crops were turned.")
        for name, crops in crops_of.items():
            if crops is None:
                continue
            step.write(f"{names.CROPS}/{name}.npy", encode_array(crops.images))
            step.write(f"{names.CROPS}/{name}.mask.npy", encode_array(crops.mask))
            for kind, code in (("measured", MEASURED), ("filled", FILLED), ("padded", PADDED)):
                step.stats[kind] = step.stats.get(kind, 0) + int((crops.mask == code).sum())
        if landmarks is not None:
            step.write(f"{names.LANDMARKS}/{clip.id}.npz", encode_landmarks(clip.id, landmarks))
        return step.result()

    def _write_audio(self, clip: ClipEntry, decoded: _Decoded, ends_ns: list[int]) -> StepResult:
        step = _StepWriter(self._output, clip, decoded, ends_ns, self._config)
        audio, config = decoded.audio, self._config
        if audio is None:
            step.add_issue("silent", "It has no audio, and there is no audio file next to it.")
            return step.result()
        level_dbfs = peak_level_dbfs(audio)
        if level_dbfs < SILENT_BELOW_DBFS:
            step.add_issue("silent", f"Its audio never exceeds {level_dbfs:.0f} dBFS.")
        spans_s = []
        for i, end_ns in enumerate(ends_ns):
            window, span_s = extract_audio_window(audio, end_ns, config.n_samples, config.rate_hz)
            data = encode_audio(window, config.rate_hz, config.audio_format)
            step.write(f"{names.AUDIO}/{part_name(clip.id, i)}.{config.audio_format}", data)
            spans_s.append(span_s)
        full_clip = resample(audio.samples, audio.rate_hz, config.rate_hz)
        data = encode_audio(full_clip, config.rate_hz, config.audio_format)
        step.write(f"{names.FULL_AUDIO}/{clip.id}.{config.audio_format}", data)
        step.stats |= {
            "audio_source": "track" if decoded.audio_file == clip.video else "file",
            "audio_file": decoded.audio_file,
            "track_is_silent": decoded.track_is_silent,
            "audio_in_window_s": list(spans_s[0]),
            "peak_level_dbfs": round(level_dbfs, 1),
        }
        return step.result()


class _StepWriter:
    """Writes the files of one step for one clip, and collects its result."""

    def __init__(
        self,
        output: OutputFolder,
        clip: ClipEntry,
        decoded: _Decoded,
        ends_ns: list[int],
        config: PreprocessConfig,
    ) -> None:
        self._output = output
        self._clip = clip
        self._issues: list[Issue] = []
        self._files: dict[str, tuple[int, str]] = {}
        self.stats: dict[str, Any] = {
            "duration_s": round(decoded.duration_s, 4),
            "window_s": [round(to_s(ends_ns[0]) - config.window_s, 4), round(to_s(ends_ns[0]), 4)],
            "windows": len(ends_ns),
        }
        if decoded.corruption:
            self.add_issue("corrupt", decoded.corruption)

    def add_issue(self, kind: Kind, text: str) -> None:
        self._issues.append(Issue(kind, self._clip.id, text))

    def write(self, name: str, data: bytes) -> None:
        self._files[name] = self._output.write(name, data)

    def result(self) -> StepResult:
        return StepResult(self.stats, tuple(self._issues), self._files)
