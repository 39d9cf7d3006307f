"""Parity with results of the published implementation and of librosa.

The golden values are not part of the project: `parity` beside the data folder, see
`emolive.paths.data_dir`.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from emolive import paths
from emolive.models.input_spec import AudioSpec
from emolive.models.io import checkpoint
from emolive.models.io.chumachenko2022 import convert_checkpoint

FUSIONS = ("lt", "it", "ia")


@pytest.fixture(scope="module")
def parity() -> Path:
    folder = paths.data_dir().parent / "parity"
    if not folder.is_dir():
        pytest.skip("the golden values of the published implementation are not on this computer")
    return folder


@pytest.fixture(scope="module", params=FUSIONS)
def case(request, parity):
    torch.set_num_threads(1)
    net = convert_checkpoint(parity / f"{request.param}_1head.pth")
    with np.load(parity / f"{request.param}_1head_io.npz") as golden:
        return net, {name: torch.from_numpy(golden[name]) for name in golden.files}


@torch.no_grad()
def test_frame_features_and_logits(case):
    net, golden = case
    vectors = torch.stack([net.encode(window.float() / 255) for window in golden["video_uint8"]])
    torch.testing.assert_close(vectors, golden["frame_features"], atol=1e-5, rtol=0)
    torch.testing.assert_close(net(vectors, golden["mfcc"]), golden["logits"], atol=1e-5, rtol=0)


@torch.no_grad()
def test_saved_and_loaded_again_gives_identical_logits(case, tmp_path):
    net, golden = case
    path = tmp_path / "net.safetensors"
    checkpoint.save(path, net, provenance={"origin": "golden"})
    again = checkpoint.load(path, fusion=net.spec.fusion)
    assert again.spec == net.spec
    frames = golden["video_uint8"][0, :2].float() / 255
    assert torch.equal(again.net.encode(frames), net.encode(frames))
    inputs = golden["frame_features"], golden["mfcc"]
    assert torch.equal(again.net(*inputs), net(*inputs))


def test_imported_description(case):
    net, _ = case
    spec = net.spec
    assert (spec.encoders, spec.pixels.order, spec.pixels.size) == (("efficientface",), "BGR", 224)
    assert (spec.audio, spec.baselines, spec.num_heads, spec.landmarker) == (AudioSpec(), (), 1, "none")
    counts = {"lt": 2_045_550, "it": 1_938_414, "ia": 1_854_766}
    assert sum(p.numel() for p in net.parameters()) == counts[spec.fusion]


def test_mfcc_equals_librosa(parity):
    with np.load(parity / "librosa_mfcc.npz") as golden:
        names = sorted({name.partition("/")[0] for name in golden.files})
        assert len(names) == 3
        for name in names:
            features = AudioSpec().encoder(golden[f"{name}/waveform"])
            np.testing.assert_allclose(features, golden[f"{name}/mfcc"], atol=1e-2)
