"""Decoded frames are checked before memory is read by what they state."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from emolive.capture.decoded import channels_of, check_video
from emolive.errors import MediaError
from emolive.paths import data_dir

PLANAR = {"stereo": 2, "5.1": 6, "6.1": 7, "7.1": 8, "hexadecagonal": 16}


def planar(layout: str, packed: np.ndarray) -> av.AudioFrame:
    """A planar frame of FFmpeg; `packed` (n, channels) float32."""
    frame = av.AudioFrame.from_ndarray(packed.reshape(1, -1), format="flt", layout=layout)
    frame.sample_rate = 48_000
    (converted,) = av.AudioResampler("fltp").resample(frame)
    return converted


@pytest.mark.parametrize(("layout", "channels"), PLANAR.items())
def test_planar_sound_of_many_channels_is_read(layout: str, channels: int) -> None:
    """PyAV counts nine planes in a frame of eight, and reading them ends the process."""
    packed = np.random.default_rng(1).uniform(-1, 1, (960, channels)).astype(np.float32)
    np.testing.assert_allclose(channels_of(planar(layout, packed)), packed.T, atol=1e-6)


@pytest.mark.parametrize(
    "name", ["u8", "s16", "s32", "s64", "flt", "dbl", "u8p", "s16p", "s64p", "fltp", "dblp"]
)
def test_all_sample_formats(name: str) -> None:
    packed = np.tile(np.linspace(-0.9, 0.9, 960, dtype=np.float32)[:, None], 2)
    frame = av.AudioFrame.from_ndarray(packed.reshape(1, -1), format="flt", layout="stereo")
    frame.sample_rate = 48_000
    (converted,) = av.AudioResampler(name).resample(frame)
    np.testing.assert_allclose(channels_of(converted), packed.T, atol=0.01)


def sound(**changes: Any) -> Any:
    values = {"channels": 2, "sample_rate": 48_000, "samples": 1024, "name": "fltp"} | changes
    return SimpleNamespace(
        layout=SimpleNamespace(nb_channels=values["channels"]),
        sample_rate=values["sample_rate"],
        samples=values["samples"],
        format=SimpleNamespace(name=values["name"], is_planar=True),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"channels": 37},
        {"channels": 0},
        {"sample_rate": 0},
        {"sample_rate": -8000},
        {"samples": 1 << 30},
        {"name": ""},
    ],
)
def test_implausible_sound_is_refused_before_it_is_read(changes: dict[str, Any]) -> None:
    # It has no samples: reading them would raise another error.
    with pytest.raises(MediaError, match="cannot be read"):
        channels_of(sound(**changes))


@pytest.mark.parametrize("size", [(0, 480), (640, 0), (100_000, 2), (16_000, 16_000)])
def test_implausible_pictures_are_refused(size: tuple[int, int]) -> None:
    frame: Any = SimpleNamespace(width=size[0], height=size[1], format=SimpleNamespace(name="yuv420p"))
    with pytest.raises(MediaError, match="cannot be read"):
        check_video(frame)


def test_four_changed_bytes_do_not_end_the_process() -> None:
    """A real file in which a decoder finds a frame of 37 channels."""
    path = data_dir().parent / "cases" / "planes.mp4"
    if not path.is_file():
        pytest.skip(f"{path} is not on this computer")
    program = (
        "import sys\nfrom emolive.capture.decode import read_audio\nfrom emolive.errors import MediaError\n"
        "try: read_audio(sys.argv[1])\nexcept MediaError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "sound of 37 channels cannot be read" in done.stdout
