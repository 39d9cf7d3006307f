"""Locations of files on this computer."""

from __future__ import annotations

from pathlib import Path

import pytest

from emolive import paths
from emolive.errors import EmoliveError


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


def test_the_user_s_folder_is_not_in_the_project(monkeypatch):
    monkeypatch.delenv("EMOLIVE_HOME")
    assert Path(__file__).resolve().parents[1] not in paths.user_dir().parents
