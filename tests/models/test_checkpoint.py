"""Checkpoints: saving, loading and conversion of the former format."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from emolive.errors import EmoliveError
from emolive.models.factory import build
from emolive.models.io import checkpoint
from tests.helpers.checkpoints import SMALL, as_format_2


def test_a_saved_checkpoint_loads_unchanged(path, net):
    loaded = checkpoint.load(path, fusion="it", landmarker="dlib68")
    assert (loaded.spec, loaded.path, loaded.net.training) == (SMALL, path, False)
    assert loaded.provenance == {"data": "drawn", "figures": {"uar": 0.5}, "licence": "MIT"}
    saved_state, loaded_state = net.state_dict(), loaded.net.state_dict()
    assert saved_state.keys() == loaded_state.keys()
    assert all(torch.equal(saved_state[key], loaded_state[key]) for key in saved_state)
    assert {"video_mean", "video_within_speaker_std", "audio_std", "temperature"} <= loaded_state.keys()
    inputs = torch.randn(2, 15, net.spec.video_channels), torch.randn(2, net.spec.audio_channels, 60)
    with torch.no_grad():
        assert torch.equal(loaded.net(*inputs), net.eval()(*inputs))


def test_description_needs_no_weights(path):
    metadata = checkpoint.describe(path)
    assert (metadata.spec, metadata.provenance["licence"]) == (SMALL, "MIT")
    assert metadata.shapes["classifier.weight"] == (2, 64)
    assert metadata.shapes["temperature"] == (3,)


def test_saving_replaces_and_leaves_nothing_behind(path, net):
    checkpoint.save(path, net, provenance={"round": 2})
    assert checkpoint.describe(path).provenance == {"round": 2}
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_failed_saving_keeps_the_old_file(path, net, monkeypatch):
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("emolive.atomic_io.os.fsync", full)
    with pytest.raises(EmoliveError, match="cannot be written: No space left"):
        checkpoint.save(path, net, provenance={})
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_full_disk_is_an_output_error(path, net, monkeypatch):
    def full(*_):
        raise RuntimeError("[enforce fail at inline_container.cc:672] unexpected pos 584000 vs 583892")

    monkeypatch.setattr("emolive.atomic_io.os.fsync", full)
    with pytest.raises(EmoliveError, match="unexpected pos"):
        checkpoint.save(path, net, provenance={})
    monkeypatch.setattr("emolive.atomic_io.shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(EmoliveError, match="cannot be written: No space left"):
        checkpoint.save(path, net, provenance={})


def test_saving_refuses_what_it_cannot_write(tmp_path, net):
    with pytest.raises(EmoliveError, match="cannot be written: No such file"):
        checkpoint.save(tmp_path / "missing" / "a.safetensors", net, provenance={})
    with pytest.raises(EmoliveError, match="cannot be written as JSON"):
        checkpoint.save(tmp_path / "a.safetensors", net, provenance={"net": net})
    assert not list(tmp_path.iterdir())


def test_shipped(tmp_path, monkeypatch, net):
    monkeypatch.setenv("EMOLIVE_ASSETS", str(tmp_path))
    with pytest.raises(EmoliveError, match="No weights ship for the fusion it: open a checkpoint of it"):
        checkpoint.shipped("it")
    with pytest.raises(EmoliveError, match="no fusion named xx"):
        checkpoint.shipped("xx")
    (tmp_path / "models").mkdir()
    checkpoint.save(tmp_path / "models" / "it.safetensors", net, provenance={})
    assert checkpoint.load(checkpoint.shipped("it")).spec.fusion == "it"


@pytest.mark.parametrize("arch", ["chumachenko2022", "emolive"])
def test_format_2_is_converted(tmp_path, arch):
    net = build(replace(SMALL, arch=arch, num_heads=1, width=1.0)).eval()
    path = tmp_path / "old.safetensors"
    checkpoint.save(path, net, provenance={"licence": "MIT"})
    new = checkpoint.describe(path)
    as_format_2(path)
    assert checkpoint.describe(path) == new
    loaded = checkpoint.load(path, landmarker="dlib68")
    assert loaded.spec == net.spec
    expected = net.state_dict()
    assert loaded.net.state_dict().keys() == expected.keys()
    assert all(torch.equal(value, expected[key]) for key, value in loaded.net.state_dict().items())
