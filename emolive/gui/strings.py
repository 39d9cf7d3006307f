"""How states are put into words for the person in front of the screen."""

from __future__ import annotations

from collections.abc import Iterable

from emolive.capture.source_spec import SourceKind, parse_source, redact_url
from emolive.errors import ConfigError
from emolive.types import UNSURE, Estimate, Modality, Severity, Snapshot, Status

NOTE = "Shows expression, not feelings."
HINT = "Look neutral for five seconds and press Calibrate."
HINT_WHY = "Faces and voices are read against your own baseline; five neutral seconds make it sharper."
MEDIA_FILTER = (
    "Media (*.mp4 *.mov *.mkv *.avi *.webm *.m4v *.mpg *.wav *.flac *.ogg *.mp3 *.m4a);;All files (*)"
)
CHECKPOINT_FILTER = "Checkpoints (*.safetensors *.pth *.pt *.ckpt);;All files (*)"
CHECKPOINT_SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt")

MODALITY: dict[Modality, str] = {"av": "face and voice", "a": "voice only", "v": "face only"}
BASELINES = {"none": "None", "neutral": "Neutral", "running": "Running"}
CHIPS = {
    "face": "Face",
    "voice": "Voice",
    "camera": "Camera",
    "microphone": "Microphone",
    "model": "Model",
    "latency": "Latency",
    "baseline": "Baseline",
}

SHORT = 10

_SEVERITY: dict[Severity, int] = {"ok": 0, "info": 1, "warning": 2, "error": 3}


def source_kind(source: str) -> SourceKind:
    """The kind of thing that a SessionConfig's `source` names; "none" for what cannot be opened."""
    try:
        return parse_source(source).kind
    except ConfigError:
        return "none"


def source_title(source: str) -> str:
    """A short name for a source, without passwords."""
    try:
        return parse_source(source).title
    except ConfigError:
        return redact_url(source)


def mic_title(mic: str) -> str:
    """A short name for a microphone."""
    known = {"auto": "Automatic", "default": "Default microphone", "none": "No sound"}
    return known.get(mic, f"Microphone {mic}" if mic.isdigit() else mic)


def caption(estimate: Estimate) -> str:
    """The label, with the confidence where there is one worth saying."""
    if estimate.label == UNSURE:
        return UNSURE
    return f"{estimate.label} {round(100 * estimate.confidence)} %"


def waiting(snapshot: Snapshot) -> str:
    """What is being waited for while there is no estimate."""
    if not snapshot.fusion:
        failed = any(status.source == "model" and status.level == "error" for status in snapshot.statuses)
        return "No model" if failed else "The model is loading"
    return "Waiting for a face or a voice"


def chip_word(status: Status) -> str:
    """What a chip has room for: a text as short as a measured value, else the code."""
    return status.text if len(status.text) <= SHORT else status.code.replace("_", " ")


def sentence(status: Status) -> str:
    """The status as a whole sentence."""
    if len(status.text) <= SHORT:
        return f"{CHIPS.get(status.source, status.source.capitalize())}: {status.text}."
    return status.text


def worst(statuses: Iterable[Status]) -> Status | None:
    """The status that most needs saying: the first error, else the first warning."""
    grave = [status for status in statuses if _SEVERITY[status.level] >= _SEVERITY["warning"]]
    return max(grave, key=lambda status: _SEVERITY[status.level], default=None)
