"""Numbers of a file that are out of all bounds cost neither memory nor time: in a process with a limit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import resource, struct, sys
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
import random
import av
from pathlib import Path
from emolive.capture.decode import iter_media, read_audio
from emolive.errors import EmoliveError
from emolive.types import AudioBlock

folder, seed = Path(sys.argv[1]), int(sys.argv[2])
rng = random.Random(seed)

def wav(rate, channels, bits, data, length=None):
    head = struct.pack("<IHHIIHH", 16, 1, channels, rate, 0xFFFFFFFF & (rate * channels * bits // 8),
                       0xFFFF & (channels * bits // 8), bits)
    size = len(data) if length is None else length
    return (b"RIFF" + struct.pack("<I", 0xFFFFFFFF & (size + 36)) + b"WAVEfmt " + head
            + b"data" + struct.pack("<I", size) + data)

edges = [0, 1, 7, 100, 3999, 4000, 8001, 44101, 47999, 48001, 96001, 192001, 767999, 768001]
edges += [2**24, 2**31, 2**32 - 1]
for i in range(24):
    path = folder / f"{seed}-{i}.wav"
    rate = rng.choice([*edges, rng.randrange(2**32)])
    channels = rng.choice([1, 2, 3, 4, 6, 8, 24, 33, 64, 255, 65535])
    bits = rng.choice([8, 16, 24, 32])
    path.write_bytes(wav(rate, channels, bits, bytes(rng.choice([0, 1, 4000, 60000])),
                         rng.choice([None, 0, 2**31, 2**32 - 1])))
    try:
        samples, _ = read_audio(path)
        assert len(samples) < 10**6
    except EmoliveError as error:
        assert len(str(error)) < 400
    path.unlink()

# Stamps: a transport stream, or Matroska, whose packets lie anywhere.
for i in range(6):
    path = folder / f"{seed}-{i}.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=8000, layout="mono")
        video = out.add_stream("mjpeg", rate=25)
        video.width, video.height, video.pix_fmt = 32, 32, "yuvj420p"
        t = 0
        for n in range(20):
            steps = [40, 40, 40, 9000, 3_600_000, 90_000_000, -5000]
            t = max(0, t + rng.choice(steps))
            frame = av.VideoFrame(32, 32, "yuvj420p")
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            for packet in video.encode(frame):
                packet.pts = packet.dts = None
                packet.pts = packet.dts = t * video.time_base.denominator // 1000 if video.time_base else t
                try:
                    out.mux(packet)
                except (av.FFmpegError, ValueError):
                    pass
    try:
        end_ns = 0
        for item in iter_media(path):
            end_ns = max(end_ns, item.t_ns)
        assert end_ns < 20 * 11 * 10**9, end_ns
    except EmoliveError:
        pass
    path.unlink()

# Sizes: a picture header that states what memory does not hold.
for width, height in ((65535, 65535), (16384, 16384), (1, 60000)):
    path = folder / "p.jpg.mkv"
    with av.open(str(path), "w") as out:
        video = out.add_stream("mjpeg", rate=25)
        video.width, video.height, video.pix_fmt = 32, 32, "yuvj420p"
        for n in range(3):
            frame = av.VideoFrame(32, 32, "yuvj420p")
            frame.pts = n
            out.mux(video.encode(frame))
        out.mux(video.encode())
    raw = path.read_bytes()
    at = -1
    patched = bytearray(raw)
    while (at := raw.find(b"\\xff\\xc0", at + 1)) >= 0:
        patched[at + 5 : at + 9] = struct.pack(">HH", height, width)
    path.write_bytes(patched)
    try:
        for item in iter_media(path):
            if not isinstance(item, AudioBlock):
                image = item.image
                assert max(image.shape) <= 2560
    except EmoliveError:
        pass
print("fine")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit of address space on Windows")
@pytest.mark.parametrize("seed", [0, 1])
def test_rates_stamps_lengths_and_sizes(tmp_path: Path, seed: int) -> None:
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path), str(seed)],
        cwd=root,
        timeout=120,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "fine\n"
