"""Files that are cut, empty, flipped or of another kind: each reader answers with one sentence."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from emolive.capture.container import open_media
from emolive.capture.decode import iter_media
from emolive.errors import EmoliveError, MediaError
from emolive.types import Frame
from preprocessing import annotations
from preprocessing.array_archive import ArrayArchive, read_array
from preprocessing.audio import read_waveform
from preprocessing.csv_table import read_rows
from preprocessing.faults import reading
from preprocessing.landmark_archive import read_landmark_track
from preprocessing.output import PLAN, OutputFolder
from tests.helpers.damage import damaged
from tests.helpers.media import FRAMES_MS, chirp, write_media
from tests.helpers.small_clips import tone

RATE_HZ = 16_000


def npz(compressed: bool = False) -> bytes:
    file = io.BytesIO()
    rng = np.random.default_rng(0)
    arrays = {"a/xy": rng.integers(0, 500, (20, 68, 2)).astype(np.int16), "a/frame": np.arange(20)}
    (np.savez_compressed if compressed else np.savez)(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.arange(300, dtype=np.uint8).reshape(1, 10, 10, 3))
    return file.getvalue()


def sound(form: str, subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, tone(2.0), RATE_HZ, format=form, subtype=subtype)
    return file.getvalue()


def read_npz(path: Path) -> object:
    with ArrayArchive(path) as archive:
        return [
            read_landmark_track(archive, name.removesuffix("/xy")) for name in archive.names if "xy" in name
        ]


TABLE = b"id,video,audio,label,actor,split\nx,,x.wav,happy,1,training\ny,,y.wav,sad,2,testing\n"
READERS: dict[str, tuple[bytes, Callable[[Path], object]]] = {
    "a.npz": (npz(), read_npz),
    "compressed.npz": (npz(compressed=True), read_npz),
    "a.npy": (npy(), read_array),
    "a.wav": (sound("WAV"), read_waveform),
    "a.flac": (sound("FLAC"), read_waveform),
    "a.mp3": (sound("MP3"), read_waveform),
    "a.ogg": (sound("OGG"), read_waveform),
    "a.opus": (sound("OGG", "OPUS"), read_waveform),
    "a.aiff": (sound("AIFF"), read_waveform),
    "a.w64": (sound("W64"), read_waveform),
    "a.csv": (TABLE, lambda path: annotations.read(path, check_files=False)),
    "a.txt": (
        b"x_facecroppad.npy;x.wav;3;training\n" * 3,
        lambda path: annotations.read(path, check_files=False),
    ),
    PLAN: (b'{"format": 3, "config": {}, "index": {}}', lambda path: OutputFolder(path.parent).plan()),
}


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_one_sentence(name: str, tmp_path: Path) -> None:
    content, read = READERS[name]
    path = tmp_path / name
    sentences = [sentence for damage in damaged(content, 40) if (sentence := fault(path, damage, read))]
    assert len(sentences) > 5
    for sentence in sentences:
        assert "\n" not in sentence
        assert sentence.endswith(".")


def fault(path: Path, content: bytes, read: Callable[[Path], object]) -> str:
    path.write_bytes(content)
    try:
        read(path)
    except EmoliveError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_a_damaged_video_is_read_in_part_or_is_one_sentence(suffix: str, tmp_path: Path) -> None:
    options = {} if suffix == ".mkv" else {"audio_codec": "aac" if suffix == ".mp4" else "mp3"}
    whole = write_media(tmp_path / f"w{suffix}", frame_ms=FRAMES_MS[:12], sound=chirp(0.5), **options)  # type: ignore[arg-type]
    path = tmp_path / f"damaged{suffix}"

    def read(path: Path) -> object:
        with reading(path, "a video"):
            return [item.image.mean() for item in iter_media(path) if isinstance(item, Frame)]

    sentences = [
        sentence for damage in damaged(whole.read_bytes(), 16) if (sentence := fault(path, damage, read))
    ]
    assert sentences
    assert all(sentence.endswith(".") and "\n" not in sentence for sentence in sentences)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.aiff", "a.w64"])
def test_a_sound_that_is_cut_is_not_read_as_whole(name: str, tmp_path: Path) -> None:
    content, _ = READERS[name]
    path = tmp_path / name
    path.write_bytes(content)
    assert len(read_waveform(path).samples) / read_waveform(path).rate_hz == pytest.approx(2.0, abs=0.1)
    path.write_bytes(content[: min(3000, len(content) // 2)])
    with pytest.raises(MediaError):
        read_waveform(path)


def test_what_soundfile_alone_reads_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    soundfile.write(path, tone(1.0), RATE_HZ, format="MAT5", subtype="PCM_16")
    with pytest.raises(MediaError), open_media(path):
        pass
    waveform = read_waveform(path)
    assert (len(waveform.samples), waveform.rate_hz) == (RATE_HZ, RATE_HZ)


def test_a_flac_that_ends_between_two_frames_is_not_whole(tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 8 * RATE_HZ), RATE_HZ)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(MediaError, match=r"^long\.flac is damaged near 3\.\d s\.$"):
        read_waveform(path)


def test_a_header_that_claims_more_than_there_is_reserves_no_memory(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40, 68, 2)}
    )
    (tmp_path / "big.npy").write_bytes(header.getvalue() + bytes(100))
    with pytest.raises(MediaError, match="damaged or not an"):
        read_array(tmp_path / "big.npy")
    with zipfile.ZipFile(tmp_path / "big.npz", "w") as archive:
        archive.writestr("a/xy.npy", header.getvalue() + bytes(100))
    with (
        pytest.raises(MediaError, match="damaged or not an"),
        ArrayArchive(tmp_path / "big.npz") as big,
    ):
        big.read("a/xy")


@pytest.mark.parametrize("compressed", [False, True])
def test_a_flipped_bit_anywhere_in_an_array_is_found(tmp_path: Path, compressed: bool) -> None:
    content = npz(compressed)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entry = archive.getinfo("a/xy.npy")
    for share in (0.1, 0.5, 0.99):
        changed = bytearray(content)
        changed[entry.header_offset + 60 + round(share * (entry.compress_size - 30))] ^= 4
        (tmp_path / "a.npz").write_bytes(changed)
        with pytest.raises(MediaError), ArrayArchive(tmp_path / "a.npz") as archive:
            archive.read("a/xy")


def test_python_objects_are_not_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.array([print], object))
    with pytest.raises(MediaError), ArrayArchive(tmp_path / "a.npz") as archive:
        archive.read("a")


def test_arrays_are_those_that_numpy_wrote(tmp_path: Path) -> None:
    arrays = {
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "zero": np.array(3.5),
        "none": np.zeros((0, 4), np.int16),
        "text": np.array("fingerprint"),
    }
    np.savez(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
    with ArrayArchive(tmp_path / "a.npz") as archive:
        assert archive.names == tuple(arrays)
        for name, values in arrays.items():
            assert np.array_equal(archive.read(name), values)
            assert archive.read(name).dtype == values.dtype


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a/xy": np.zeros((20, 60, 2))}, r"a/xy must hold numbers \(T, 68, 2\), not float64 \(20, 60, 2\)"),
        ({"a/frame": np.arange(19)}, r"a/frame must hold numbers \(20\), not int64 \(19,\)"),
        ({"a/frame": np.arange(20)[::-1].copy()}, "frames are out of order"),
        ({"a/frame": np.array(list("abcdefghijklmnopqrst"))}, "a/frame must hold numbers"),
        ({"a/frame": np.arange(20) * 10**9}, "last .* hours"),
        ({"a/xy": np.full((20, 68, 2), np.nan)}, "do not lie in a picture"),
        ({"a/rate": np.array(0.0)}, "it has 0 frames a second"),
        ({"a/rate": np.arange(3)}, "a/rate must hold numbers"),
        ({"a/xy": None}, "lacks a/xy"),
        ({"a/frame": None}, "lacks a/frame"),
    ],
)
def test_landmarks_of_another_form_are_named(
    tmp_path: Path, change: dict[str, np.ndarray | None], message: str
) -> None:
    arrays = {"a/xy": np.ones((20, 68, 2)), "a/frame": np.arange(20)} | change
    np.savez(tmp_path / "a.npz", **{k: v for k, v in arrays.items() if v is not None})  # type: ignore[arg-type]
    with ArrayArchive(tmp_path / "a.npz") as archive, pytest.raises(MediaError, match=message):
        read_landmark_track(archive, "a")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "row 1: it lacks the column id"),
        ("id;video;audio;label;actor;split\n", "row 1: its columns are separated by semicolons"),
        ("id,video,audio,label,actor\n", "row 1: it lacks the column split"),
        ("id,id,video,audio,label,actor,split\n", "row 1: it has the column id twice"),
        (
            "id,video,audio,label,actor,split\nx,,a, b.wav,sad,1,\n",
            "row 2: it has 7 columns, and row 1 has 6",
        ),
        ("id,video,audio,label,actor,split\nx,,a.wav,sad,1,\ny,,a.wav\n", "row 3: it has 3 columns"),
        ('id,video,audio,label,actor,split\nx,,"a.wav,sad,1,\n', "row 2: it cannot be read as CSV"),
        ("id,video,audio,label,actor,split\nx,,a.wav,sad,1,\nx,,a.wav,sad,1,\n", "row 3: .* first in row 2"),
        ("id,video,audio,label,actor,split\nx,,a.wav,sad,1,dev set\n", "row 2 .*no split named dev set"),
        (f"id,video,audio,label,actor,split\nx,,{'a' * 9999}.wav,sad,1,\n", "row 2: audio does not exist"),
    ],
)
def test_a_table_with_a_fault_names_its_row(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    (tmp_path / "a.wav").touch()
    with pytest.raises(EmoliveError, match=message) as error:
        annotations.read(tmp_path / "a.csv")
    assert "\n" not in str(error.value)


def test_a_table_is_read_by_the_names_of_its_columns(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text('\ufefflabel,file\nx ,"a,b"\n', encoding="utf-8")
    assert list(read_rows(tmp_path / "b.csv", ["file"], "The table")) == [(2, {"label": "x", "file": "a,b"})]


def test_an_error_that_is_a_sentence_already_passes(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"^It is odd\.$"), reading(tmp_path):
        raise MediaError("It is odd.")
    with (
        pytest.raises(MediaError, match=r"There is no file .*gone: check the path\.$"),
        reading(tmp_path / "gone"),
    ):
        (tmp_path / "gone").read_bytes()
    with pytest.raises(MediaError, match="is damaged or not a file"), reading(tmp_path):
        raise IndexError(7)
