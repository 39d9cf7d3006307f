"""Whether picture, light, face and sound are good enough, for the first start. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from emolive.audio.levels import SILENCE_DBFS
from emolive.gui.i18n import tr
from emolive.hints import MIN_LIGHT, MIN_SIZE_PX, NOISE_DBFS
from emolive.snapshot import Snapshot

LIGHT_AT_MOST = 0.92
"""Mean luma of a face that is no longer overexposed."""
LOUD_DBFS = -3.0
"""A level above this is about to clip."""

CheckState = Literal["wait", "ok", "doubt"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the check."""

    title: str
    state: CheckState
    text: str


def device_check(snapshot: Snapshot | None) -> tuple[Check, ...]:
    """The checks of picture, light, face size and sound level, for the newest snapshot."""
    if snapshot is None:
        snapshot = Snapshot()
    if snapshot.is_synthetic:
        # Whatever were measured of it would say nothing about this computer's devices.
        drawn = tr("Not checked while the drawing plays.")
        titles = (tr("Light"), tr("Face"), tr("Sound"))
        return (_picture(snapshot), *(Check(title, "wait", drawn) for title in titles))
    return (_picture(snapshot), _light(snapshot), _face_size(snapshot), _sound(snapshot))


def _picture(snapshot: Snapshot) -> Check:
    title = tr("Picture")
    if snapshot.frame is None:
        return Check(title, "wait", tr("No picture yet."))
    if snapshot.is_synthetic:
        return Check(title, "doubt", tr("A drawing plays, because no camera was found or it was chosen."))
    height, width = snapshot.frame.image.shape[:2]
    return Check(title, "ok", tr("{width} × {height} pixels.", width=width, height=height))


def _light(snapshot: Snapshot) -> Check:
    title = tr("Light")
    quality = None if snapshot.observation is None else snapshot.observation.quality
    if quality is None:
        return Check(title, "wait", tr("Look at the camera."))
    if quality.light < MIN_LIGHT:
        return Check(title, "doubt", tr("Too dark: put a lamp in front of you."))
    if quality.light > LIGHT_AT_MOST:
        return Check(title, "doubt", tr("Too bright: turn a lamp away."))
    return Check(title, "ok", tr("Your face is well lit."))


def _face_size(snapshot: Snapshot) -> Check:
    title = tr("Face")
    seen = snapshot.observation
    if seen is None or seen.face is None:
        return Check(title, "wait", tr("No face yet: look at the camera."))
    if (seen.face.box_px.height_px if seen.quality is None else seen.quality.size_px) < MIN_SIZE_PX:
        return Check(title, "doubt", tr("Too far away: come closer."))
    return Check(title, "ok", tr("Found, and large enough."))


def _sound(snapshot: Snapshot) -> Check:
    title = tr("Sound")
    if snapshot.voice_dbfs <= SILENCE_DBFS:
        return Check(title, "wait", tr("No sound yet: choose a microphone under Audio."))
    if snapshot.voice_dbfs < NOISE_DBFS:
        return Check(title, "doubt", tr("Quiet: say something."))
    if snapshot.voice_dbfs > LOUD_DBFS:
        return Check(title, "doubt", tr("Too loud: turn the microphone down."))
    return Check(title, "ok", tr("Your voice is heard."))
