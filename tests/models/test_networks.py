"""Networks of various descriptions: shapes, attention, contributions, refusals."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn

from emolive.errors import CheckpointError, EmoliveError
from emolive.models import factory
from emolive.models.efficientface import EfficientFace
from emolive.models.emolive_net import EmoliveNet
from emolive.models.factory import build
from emolive.models.fusion.base import Fusion, Streams
from emolive.models.fusion.intermediate_attention import IntermediateAttention
from emolive.models.input_spec import AudioSpec
from emolive.models.network import Chumachenko2022Net, EmotionNet
from emolive.models.spec import ModelSpec
from emolive.plugins import FRAME_ENCODERS
from emolive.plugins import FUSIONS as REGISTRY

FUSIONS = ("lt", "it", "ia")
GEOMETRY = ModelSpec(encoders=("landmarks",), landmarker="dlib68")


@pytest.fixture(autouse=True)
def seeded():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def inputs(net: EmotionNet, batch: int = 2, frames: int = 15, steps: int = 156):
    return torch.randn(batch, frames, net.spec.video_channels), torch.randn(
        batch, net.spec.audio_channels, steps
    )


def ready(spec: ModelSpec) -> EmotionNet:
    """A network in eval mode with random weights and batch statistics."""
    net = build(spec)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return net.eval()


def test_names():
    assert REGISTRY.names()[:3] == FUSIONS
    assert FRAME_ENCODERS.names()[:2] == ("efficientface", "landmarks")
    assert list(factory.ARCHITECTURES) == ["chumachenko2022", "emolive", "emolive-stream"]
    assert (build(ModelSpec()).__class__, factory.architecture("emolive")) == (Chumachenko2022Net, EmoliveNet)


def test_names_shipped_models_and_descriptions_are_read_without_torch():
    code = (
        "import sys; from emolive.models import factory; from emolive.plugins import FUSIONS;"
        "from emolive.models.io.checkpoint import describe;"
        "[describe(factory.shipped_checkpoint(n)).spec.video_dim for n in factory.available_fusions()];"
        "FUSIONS.titles(); from emolive.models.runtimes.base import BACKENDS;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("name", "count"), [("lt", 2_045_550), ("it", 1_938_414), ("ia", 1_854_766)])
def test_parameter_counts_are_the_published_ones(name, count):
    assert sum(p.numel() for p in build(ModelSpec(fusion=name)).parameters()) == count


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize(
    ("frames", "steps", "pooled", "spec"),
    [
        (15, 156, 1024, ModelSpec()),
        (
            5,
            13,
            272,
            ModelSpec(
                num_heads=2,
                labels=("a", "b", "c"),
                encoders=("landmarks",),
                pooling="mean",
                baselines=("none", "neutral", "running"),
            ),
        ),
        (
            30,
            310,
            2320,
            ModelSpec(
                num_heads=4, encoders=("efficientface", "geometry"), pooling="mean", width=0.5, dropout=0.1
            ),
        ),
        (1, 60, 136, ModelSpec(labels=("a", "b"), encoders=("landmarks",), baselines=("none",), width=1.3)),
    ],
)
@torch.no_grad()
def test_shapes(fusion, frames, steps, pooled, spec):
    labels, heads, flags = spec.labels, spec.num_heads, len(spec.baselines)
    net = ready(replace(spec, fusion=fusion, audio=AudioSpec(kind="logmel", n_mels=40)))
    assert net.spec.video_channels == pooled + flags
    assert net.spec.audio_channels == 40 + flags
    assert net.video_mean.shape == net.video_std.shape == net.video_within_speaker_std.shape == (pooled,)
    assert net.audio_mean.shape == net.audio_std.shape == net.audio_within_speaker_std.shape == (40,)
    assert (net.backbone is not None) == ("efficientface" in spec.encoders)

    video, audio = inputs(net, 3, frames, steps)
    explained = net.explain(video, audio)
    audio_steps = steps - (12 if fusion == "lt" else 6)
    assert net(video, audio).shape == explained.logits.shape == (3, len(labels))
    assert explained.audio_to_video.shape == (3, heads, audio_steps, frames)
    assert explained.video_to_audio.shape == (3, heads, frames, audio_steps)
    for weights in (explained.audio_to_video, explained.video_to_audio):
        torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))
    torch.testing.assert_close(explained.logits, net(video, audio))
    torch.testing.assert_close(explained.audio + explained.video + explained.bias, explained.logits)


@pytest.mark.parametrize("size", [32, 34, 38, 40, 48, 96, 130, 224])
@torch.no_grad()
def test_backbone_accepts_any_even_size(size):
    backbone = EfficientFace().eval()
    assert backbone(torch.rand(2, 3, size, size)).shape == (2, 1024)


@torch.no_grad()
def test_local_quadrants_keep_their_places():
    backbone = EfficientFace().eval()
    for size in (8, 9, 10, 11, 12, 24, 56):
        x = torch.rand(1, 29, size, size)
        features = backbone.local(x)
        assert features.shape[-1] == (size + 1) // 2
        changed = x.clone()
        changed[..., 0, -1] += 5.0
        moved = (backbone.local(changed) - features).abs().amax(dim=(0, 1))
        half = (features.shape[-1] + 1) // 2
        assert moved[:half, half - 1 :].max() > 0
        assert moved[half:].max() == 0
        assert moved[:, : half - 1].max() == 0


@torch.no_grad()
def test_backbone_mixes_no_frames():
    net = ready(ModelSpec())
    frames = torch.rand(5, 3, 48, 48)
    together = net.encode(frames)
    single = torch.cat([net.encode(frame[None]) for frame in frames])
    torch.testing.assert_close(together, single, atol=1e-5, rtol=1e-5)
    assert (together[0] - together[1]).abs().max() > 1e-3


@torch.no_grad()
def test_heads_change_the_attention():
    one, four = (ready(replace(GEOMETRY, fusion="lt", num_heads=heads)) for heads in (1, 4))
    four.load_state_dict(one.state_dict())
    video, audio = inputs(one)
    assert (one(video, audio) - four(video, audio)).abs().max() > 1e-5


@pytest.mark.parametrize("fusion", FUSIONS)
@torch.no_grad()
def test_each_stream_reaches_the_logits(fusion):
    net = ready(replace(GEOMETRY, fusion=fusion))
    video, audio = inputs(net)
    logits = net(video, audio)
    assert (net(video.flip(0), audio) - logits).abs().max() > 1e-4
    assert (net(video, audio.flip(0)) - logits).abs().max() > 1e-4
    torch.testing.assert_close(net(video.flip(0), audio.flip(0)), logits.flip(0), atol=1e-5, rtol=1e-4)


def test_ia_gate_is_the_mean_over_heads_summed_over_queries():
    weights = torch.tensor([[[[0.2, 0.8], [0.6, 0.4], [1.0, 0.0]], [[0.0, 1.0], [0.5, 0.5], [0.5, 0.5]]]])
    assert weights.shape == (1, 2, 3, 2)
    streams = {
        published: IntermediateAttention(audio=(8, 8), video=(8, 8), num_heads=2, published=published)
        for published in (True, False)
    }
    torch.testing.assert_close(streams[True].gate(weights), torch.tensor([[[1.4, 1.6]]]))
    torch.testing.assert_close(streams[False].gate(weights), torch.tensor([[[1.4, 1.6]]]) * 2 / 3)


@torch.no_grad()
def test_ia_gates_each_stream_by_what_the_other_looked_at():
    net = ready(replace(GEOMETRY, fusion="ia", num_heads=2))
    audio, video = torch.randn(2, 128, 20), torch.randn(2, 64, 5)
    out = net.fusion.fuse_intermediate(audio, video)
    on_video = out.audio_to_video.mean(1).sum(1)
    on_audio = out.video_to_audio.mean(1).sum(1)
    torch.testing.assert_close(out.video, video * on_video[:, None])
    torch.testing.assert_close(out.audio, audio * on_audio[:, None])
    torch.testing.assert_close(on_video.mean(-1), torch.full((2,), 20 / 5))
    torch.testing.assert_close(on_audio.mean(-1), torch.full((2,), 5 / 20))
    for which in ("audio_queries", "video_queries"):
        nn.init.normal_(getattr(net.fusion, which).out.weight)
        nn.init.normal_(getattr(net.fusion, which).kv.weight[-64:])
    assert torch.equal(net.fusion.fuse_intermediate(audio, video).audio, out.audio)


@torch.no_grad()
def test_it_adds_and_lt_replaces():
    for fusion, place in (("it", "fuse_intermediate"), ("lt", "fuse_late")):
        net = ready(replace(GEOMETRY, fusion=fusion))
        for block in (net.fusion.audio_queries, net.fusion.video_queries):
            for layer in (block.attention.out, block.mlp[2]):
                nn.init.zeros_(layer.weight)
                nn.init.zeros_(layer.bias)
        audio, video = torch.randn(2, 128, 20), torch.randn(2, 64 if fusion == "it" else 128, 5)
        out = getattr(net.fusion, place)(audio, video)
        keep = 1.0 if fusion == "it" else 0.0
        torch.testing.assert_close(out.audio, keep * audio)
        torch.testing.assert_close(out.video, keep * video)


def test_every_fusion_trains():
    for fusion in FUSIONS:
        net = build(replace(GEOMETRY, fusion=fusion, dropout=0.2)).train()
        video, audio = inputs(net, 4, 5, 30)
        nn.functional.cross_entropy(net(video, audio), torch.arange(4)).backward()
        silent = {name.split(".")[0] for name, p in net.named_parameters() if p.grad is None}
        assert silent <= {"audio_classifier", "video_classifier", "fusion"}
        assert net.fusion.audio_queries is not None
        assert net.video_branch.stage1[0][0].weight.grad.abs().max() > 0
        assert net.audio_branch.stage1[0][0].weight.grad.abs().max() > 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"fusion": "xx"}, "no fusion named xx: choose lt, it, ia"),
        ({"arch": "odd"}, "no architecture odd: choose chumachenko2022, emolive"),
        ({"encoders": ("landmarks", "vgg")}, "no frame encoder named vgg: choose efficientface, landmarks"),
        ({"encoders": ()}, "no frame encoder in the model description"),
        ({"encoders": ("geometry", "landmarks")}, "landmarks stands twice in encoders"),
        ({"num_heads": 3}, "3 attention heads do not divide a stream of 128 channels"),
        ({"num_heads": 0}, "num_heads must be from 1 to 256, and is 0"),
        ({"labels": ("one",)}, "at least two labels"),
        ({"dropout": 1.0}, "dropout must be from 0 to 0.99, and is 1"),
        ({"width": 0.0}, "width must be from 0.01 to 16, and is 0"),
    ],
)
def test_refusals(changes, sentence):
    with pytest.raises(EmoliveError, match=sentence):
        build(replace(GEOMETRY, **changes))


def test_landmarks_have_no_pixel_encoder():
    with pytest.raises(EmoliveError, match="no pixel encoder"):
        build(GEOMETRY).encode(torch.rand(1, 3, 48, 48))


class Sum(Fusion):
    """Adds the mean of each stream to the other, without attention."""

    def fuse_intermediate(self, audio, video):
        return Streams(audio + video.mean(), video + audio.mean())


@pytest.fixture
def plugin():
    REGISTRY.register("sum", title="sum")(Sum)
    yield
    REGISTRY.unregister("sum")


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("arch", ["chumachenko2022", "emolive"])
def test_a_new_fusion_is_built_in_every_architecture_and_explained(arch):
    spec = replace(GEOMETRY, fusion="sum", arch=arch, audio=AudioSpec(kind="logmel", n_mels=40))
    net = ready(spec)
    video, audio = inputs(net)
    explained = net.explain(video, audio)
    torch.testing.assert_close(explained.logits, net(video, audio))
    assert (explained.audio_to_video, explained.video_to_audio) == (None, None)
    assert Sum.intermediate
    # Its result between the stages reaches the joint logits.
    plain = net.fusion
    joint = net.answers(video, audio).joint
    net.fusion = Fusion(audio=(1, 1), video=(1, 1), num_heads=1, published=True)
    assert (joint - net.answers(video, audio).joint).abs().max() > 1e-4
    assert not net.fusion.intermediate
    net.fusion = plain


@pytest.mark.usefixtures("plugin")
def test_a_fusion_without_shipped_weights_is_not_offered_and_refused_in_a_sentence():
    assert "sum" in REGISTRY
    assert "sum" not in factory.available_fusions()
    with pytest.raises(
        CheckpointError, match="No weights ship for the fusion sum: choose lt, it, ia, or open"
    ):
        factory.shipped_checkpoint("sum")


@torch.no_grad()
def test_the_published_form_runs_each_branch_once():
    for fusion in FUSIONS:
        net = ready(replace(GEOMETRY, fusion=fusion))
        calls = []
        net.audio_branch.stage2.register_forward_hook(lambda *_, calls=calls: calls.append(1))
        net(*inputs(net))
        assert len(calls) == 1


@torch.no_grad()
def test_backbone_exports_with_a_free_batch_size():
    backbone = EfficientFace().eval()
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(backbone, (torch.rand(2, 3, 48, 48),), dynamic_shapes=({0: batch},))
    frames = torch.rand(5, 3, 48, 48)
    torch.testing.assert_close(program.module()(frames), backbone(frames), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("fusion", FUSIONS)
@torch.no_grad()
def test_head_exports_with_a_free_batch_size(fusion):
    net = ready(replace(GEOMETRY, fusion=fusion, num_heads=2))
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(net, inputs(net), dynamic_shapes=({0: batch}, {0: batch}))
    others = inputs(net, 5)
    torch.testing.assert_close(program.module()(*others), net(*others), atol=1e-5, rtol=1e-5)
