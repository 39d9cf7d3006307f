"""Opens what a source string and a microphone string name as one stream."""

from __future__ import annotations

from dataclasses import replace

from emolive.capture.base import Source
from emolive.capture.factory import open_spec, resolve
from emolive.capture.source_spec import SourceSpec, parse_microphone, parse_source
from emolive.errors import ConfigError, EmoliveError
from emolive.session.status import NO_AUDIO, NO_VIDEO
from emolive.session.stream import Stream
from emolive.session.stream_listener import StreamListener
from emolive.types import Status


def open_stream(
    source: str, microphone: str, *, paced: bool, loop: bool, window_s: float, track: str = ""
) -> Stream:
    """Open what two strings name, not started. May wait some seconds for a driver.

    Args:
        source: see `emolive.capture.source_spec`.
        microphone: as well; "auto" is the source's own audio, or the default microphone beside a live source.
        paced: False reads a file or the demo as fast as it can be processed; no effect beside a microphone.
        loop: play a file again when it ends.
        window_s: length of the model's window.
        track: which of several tracks of a file, see `emolive.capture.tracks.TrackChoice.parse`.

    Raises:
        EmoliveError: there is no such source or microphone, or both are "none".
    """
    source_spec, mic_spec = resolve(parse_source(source)), parse_microphone(microphone)
    if source_spec.kind in ("file", "stream"):
        source_spec = replace(source_spec, track=track)
    paced = paced or mic_spec.kind not in ("auto", "none")
    video = open_spec(source_spec, paced=paced, loop=loop)
    own_audio = mic_spec.kind == "auto" and video is not None and video.info.has_audio
    no_audio_text = NO_AUDIO
    audio: Source | None = None
    if mic_spec.kind not in ("auto", "none"):
        audio = open_spec(mic_spec)
    elif mic_spec.kind == "auto" and not own_audio and video is not None and video.info.live:
        try:
            audio = open_spec(SourceSpec("microphone", "default"))
        except EmoliveError as error:
            # It was not asked for by name, so that a computer without a microphone is no error.
            no_audio_text = f"{str(error).rstrip('.')}; estimates use the face only."
    if video is None and audio is None:
        raise ConfigError("There is neither a picture nor a sound: choose a source or a microphone.")
    stream = Stream(
        source=source_spec.redacted if video is not None else mic_spec.redacted,
        video_info=video.info if video is not None else None,
        audio_info=video.info if video is not None and own_audio else audio.info if audio else None,
        realtime=paced or video is None or video.info.live,
        has_video=video is not None and video.info.has_video,
        window_s=window_s,
        lasting_source=getattr(video, "lasting_text", ""),
        lasting_mic=getattr(audio, "lasting_text", "") if mic_spec.kind == "microphone" else "",
    )
    if not stream.has_video:
        stream.statuses.put(Status("camera", "info", "none", NO_VIDEO))
    if stream.audio_info is None:
        stream.statuses.put(Status("microphone", "info", "none", no_audio_text))
    if video is not None:
        stream.sources.append((video, StreamListener(stream, audio=own_audio)))
    if audio is not None:
        stream.sources.append((audio, StreamListener(stream, video=False)))
    return stream
