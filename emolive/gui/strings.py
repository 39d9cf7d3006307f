"""Texts about sources, estimates and statuses. No Qt."""

from __future__ import annotations

from emolive.capture.source_spec import SourceKind, parse_microphone, parse_source, redact_url
from emolive.errors import ConfigError
from emolive.gui.error_texts import ERROR_TEXTS
from emolive.gui.i18n import noop, tr, tr_filled
from emolive.gui.status_texts import LATER_BADGES, STATUS_TEXTS
from emolive.models.io.checkpoint import CHECKPOINT_SUFFIXES
from emolive.snapshot import Snapshot
from emolive.types import Modality, Status

MEDIA_SUFFIXES = ("mp4", "mov", "mkv", "avi", "webm", "m4v", "mpg", "wav", "flac", "ogg", "mp3", "m4a")
"""Offered first in the file dialog; the decoder decides which files can be opened."""
BADGE_VALUE_CHARS = 10
"""A badge shows a text up to this length, and the status code in place of a longer one."""

BADGES = {
    "face": noop("Face"),
    "voice": noop("Voice"),
    "camera": noop("Camera"),
    "microphone": noop("Microphone"),
    "model": noop("Model"),
    "latency": noop("Latency"),
    "answer": noop("Answer age"),
    "baseline": noop("Baseline"),
}
"""Sources of statuses in the order of their badges."""
_SESSION_TEXTS = (*STATUS_TEXTS, *ERROR_TEXTS)
_SHORT_BADGES = {
    "camera": noop("Cam"),
    "microphone": noop("Mic"),
    "latency": noop("Delay"),
    "answer": noop("Age"),
    "baseline": noop("Base"),
}
_BASELINES = {"none": noop("None"), "neutral": noop("Neutral"), "running": noop("Running")}
_SOURCES = (noop("Automatic"), noop("Drawn demo"), noop("Default microphone"))
"""Titles of `emolive.capture.source_spec` that are translated here."""
_MODALITIES = (noop("face and voice"), noop("voice only"), noop("face only"))
"""The titles of `Modality`, which are translated here."""
_EMOTIONS = {
    "neutral": noop("neutral"),
    "calm": noop("calm"),
    "happy": noop("happy"),
    "sad": noop("sad"),
    "angry": noop("angry"),
    "fearful": noop("fearful"),
    "disgust": noop("disgust"),
    "surprised": noop("surprised"),
}


# --- sources


def source_kind(source: str) -> SourceKind:
    """The kind of a `SessionConfig.source`; "none" for one that cannot be opened."""
    try:
        return parse_source(source).kind
    except ConfigError:
        return "none"


def source_title(source: str) -> str:
    """A short name for a source, without passwords."""
    try:
        spec = parse_source(source)
    except ConfigError:
        return redact_url(source)
    if spec.kind == "camera" and spec.value.isdecimal():
        return tr("Camera {index}", index=spec.value)
    return tr("No video") if spec.kind == "none" else tr(spec.title)


def mic_title(mic: str) -> str:
    """A short name for a microphone."""
    try:
        spec = parse_microphone(mic)
    except ConfigError:
        return mic
    if spec.kind == "microphone" and spec.value.isdecimal():
        return tr("Microphone {index}", index=spec.value)
    return tr("No audio") if spec.kind == "none" else tr(spec.title)


# --- choices


def fusion_title(name: str, title: str) -> str:
    """A fusion as the dropdown shows it."""
    return f"{title[:1].upper()}{title[1:]} ({name})" if title != name else name


_FUSION_EXPLANATIONS = {
    "lt": noop("Face and voice are first read apart; at the end each looks at the other."),
    "it": noop("Half way through, each of face and voice looks at the other and takes over what fits."),
    "ia": noop("Half way through, face and voice point out to each other which moments count."),
}
_BASELINE_EXPLANATIONS = {
    "none": noop("Compared with the average person of the training data."),
    "neutral": noop("Compared with your own neutral face and voice, from a calibration."),
    "running": noop("Compared with what was seen and heard of you so far."),
}


def fusion_explanation(name: str) -> str:
    """How a fusion joins face and voice; empty for one that was added."""
    return tr(_FUSION_EXPLANATIONS[name]) if name in _FUSION_EXPLANATIONS else ""


def baseline_explanations() -> dict[str, str]:
    """What each baseline mode compares with."""
    return {mode: tr(text) for mode, text in _BASELINE_EXPLANATIONS.items()}


def baseline_titles() -> dict[str, str]:
    """The baseline modes and their titles."""
    return {mode: tr(title) for mode, title in _BASELINES.items()}


def media_filter() -> str:
    """The file dialog's filter for media files."""
    return _filter(tr("Media files"), MEDIA_SUFFIXES)


def checkpoint_filter() -> str:
    """The file dialog's filter for checkpoints."""
    return _filter(tr("Checkpoints"), tuple(suffix.lstrip(".") for suffix in CHECKPOINT_SUFFIXES))


def _filter(title: str, suffixes: tuple[str, ...]) -> str:
    return f"{title} ({' '.join(f'*.{suffix}' for suffix in suffixes)});;{tr('All files')} (*)"


# --- estimates


def modality_title(modality: Modality) -> str:
    """Which of face and voice an estimate is from."""
    return tr(modality.title)


def label_title(label: str) -> str:
    """An emotion label; labels of a custom data set are shown unchanged."""
    return tr(_EMOTIONS[label]) if label in _EMOTIONS else label


_EXPLANATIONS = {
    "neutral": noop("A face and a voice without expression."),
    "calm": noop("Relaxed and at ease. Close to neutral: models and people confuse the two most often."),
    "happy": noop("A smile, raised cheeks, a bright voice."),
    "sad": noop("Drooping eyes and mouth corners, a low and slow voice."),
    "angry": noop("Lowered brows, tense lips, a loud or pressed voice."),
    "fearful": noop("Wide eyes, raised and drawn brows, a high or trembling voice."),
    "disgust": noop("A wrinkled nose, a raised upper lip."),
    "surprised": noop("Raised brows, an open mouth, a voice that rises."),
}


def label_explanation(label: str) -> str:
    """What an emotion label stands for; empty for labels of a custom data set."""
    return tr(_EXPLANATIONS[label]) if label in _EXPLANATIONS else ""


def waiting_text(snapshot: Snapshot) -> str:
    """What is needed for an estimate."""
    if not snapshot.fusion:
        failed = any(status.source == "model" and status.level == "error" for status in snapshot.statuses)
        return tr("No model is loaded.") if failed else tr("Loading the model…")
    face = next((status for status in snapshot.statuses if status.source == "face"), None)
    if face is not None and face.code == "slow":
        return status_text(face)
    return tr("Waiting for a face or a voice.")


def disclaimer() -> str:
    """The disclaimer on the meaning of the numbers."""
    return tr("Shows expression, not feelings.")


# --- statuses


def badge_title(source: str) -> str:
    """The name of a badge; of a source that is not in the list, its own name."""
    title = BADGES.get(source) or LATER_BADGES.get(source)
    return source.capitalize() if title is None else tr(title)


def badge_short_title(source: str) -> str:
    """The name of a badge where there is little room."""
    return tr(_SHORT_BADGES[source]) if source in _SHORT_BADGES else badge_title(source)


def badge_value(status: Status) -> str:
    """The word beside a badge's name: the status text where it is short, else its code."""
    text = status_text(status)
    return text if len(text) <= BADGE_VALUE_CHARS else tr(status.code.replace("_", " "))


def status_text(status: Status) -> str:
    """The text of a status."""
    return session_text(status.text)


def session_text(text: str) -> str:
    """A sentence that emolive has made outside of the window: of a status or an error.

    What no template fits has no translation and stays English.
    """
    return tr_filled(text, _SESSION_TEXTS)


def status_sentence(status: Status) -> str:
    """The status as a sentence: a measured value is preceded by its name."""
    text = status_text(status)
    if len(text) <= BADGE_VALUE_CHARS:
        return tr("{badge}: {value}.", badge=badge_title(status.source), value=text)
    return text


def picture_age(age_s: float) -> str:
    """How old a picture is that is not of the present."""
    return tr("This picture is {seconds} s old.", seconds=int(age_s))


def answer_age(age_s: float) -> str:
    """How old the evidence of an answer is."""
    return tr("What this answer rests on is {seconds} s old on average.", seconds=f"{age_s:.1f}")


def why_a_drawing_plays() -> str:
    """Why the demo plays although nobody asked for it."""
    return tr("No camera was found, so a drawing plays. Connect a camera and choose it under Video.")


def calibration_hint() -> str:
    """Suggests a calibration while there is none."""
    return tr("Look neutral for five seconds and press Calibrate.")


def calibration_hint_reason() -> str:
    """Why a calibration is worth its five seconds."""
    return tr(
        "Faces and voices are compared with a baseline of the same person. "
        "Five neutral seconds make that baseline more accurate."
    )
