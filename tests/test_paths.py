"""Locations of files on this computer."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from emolive import paths
from emolive.errors import CheckpointError, EmoliveError
from emolive.models.io import checkpoint
from emolive.paths import asset_files


def test_folders_can_be_chosen(monkeypatch, tmp_path):
    for variable, folder in (
        ("EMOLIVE_ASSETS", paths.assets_dir),
        ("EMOLIVE_HOME", paths.user_dir),
        ("EMOLIVE_DATA", paths.data_dir),
    ):
        monkeypatch.delenv(variable, raising=False)
        before = folder()
        monkeypatch.setenv(variable, str(tmp_path))
        assert folder() == tmp_path != before


def test_a_shipped_file_is_there_or_named(monkeypatch, tmp_path):
    assert paths.asset("face", "mean_shape.json").is_file()
    monkeypatch.setenv("EMOLIVE_ASSETS", str(tmp_path))
    with pytest.raises(EmoliveError, match=r"missing: .*mean_shape\.json"):
        paths.asset("face", "mean_shape.json")


def test_all_that_ships_is_in_the_manifest(monkeypatch):
    monkeypatch.delenv("EMOLIVE_ASSETS", raising=False)
    folder = paths.assets_dir()
    lines = (folder / paths.MANIFEST).read_text().splitlines()
    listed = {name: digest for digest, name in (line.split("  ") for line in lines)}
    shipped = {path.relative_to(folder).as_posix(): paths.file_digest(path) for path in asset_files(folder)}
    assert listed == shipped, "run python tools/asset_digests.py"


@pytest.mark.parametrize(
    "name", [("models", "ia.safetensors"), ("face", "mean_shape.json"), ("audio", "silero_vad.onnx")]
)
def test_a_changed_file_is_named(monkeypatch, tmp_path, name):
    folder = tmp_path / name[0]
    folder.mkdir()
    content = bytearray(paths.asset(*name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name[1]).write_bytes(content)
    shutil.copy(paths.assets_dir() / paths.MANIFEST, tmp_path)
    monkeypatch.setenv("EMOLIVE_ASSETS", str(tmp_path))
    with pytest.raises(EmoliveError, match=f"was changed or is damaged: .*{name[1]}. Install emolive again"):
        paths.asset(*name)


def test_a_change_is_seen_in_the_same_process(monkeypatch, tmp_path):
    (tmp_path / "a.txt").write_text("shipped")
    paths.write_manifest(tmp_path)
    monkeypatch.setenv("EMOLIVE_ASSETS", str(tmp_path))
    assert paths.read_asset("a.txt") == b"shipped"
    (tmp_path / "a.txt").write_text("changed it")
    with pytest.raises(EmoliveError, match="was changed"):
        paths.read_asset("a.txt")


def test_a_shipped_checkpoint_that_was_changed_is_refused(monkeypatch, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "ia.safetensors").write_bytes(b"shipped")
    paths.write_manifest(tmp_path)
    (tmp_path / "models" / "ia.safetensors").write_bytes(b"changed it")
    monkeypatch.setenv("EMOLIVE_ASSETS", str(tmp_path))
    with pytest.raises(CheckpointError, match="was changed"):
        checkpoint.shipped("ia")


def test_the_user_s_folder_is_not_in_the_project(monkeypatch):
    monkeypatch.delenv("EMOLIVE_HOME")
    assert Path(__file__).resolve().parents[1] not in paths.user_dir().parents
