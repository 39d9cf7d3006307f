"""One estimate as the app makes it, against the reference computation: 15 frames through the backbone."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import partial
from math import ceil
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks import fixtures
from benchmarks.measure import Times, interleaved
from benchmarks.results import BenchmarkConfig, Measurement, Report
from emolive.audio.resample import resample
from emolive.buffers.feature_buffer import FeatureBuffer
from emolive.capture.base import SourceInfo
from emolive.capture.synthetic.voice import BLOCK, RATE_HZ
from emolive.clock import NS_PER_S, to_ns
from emolive.models.io.checkpoint import Checkpoint
from emolive.models.network import EmotionNet
from emolive.models.spec import ModelSpec
from emolive.plugins import FUSIONS
from emolive.predictor import Predictor, load_predictor
from emolive.session.calibration import load_profile, run_inline
from emolive.session.model_request import LoadedModel
from emolive.session.pipeline import LivePipeline
from emolive.session.status import StatusRegistry
from emolive.session.stream import Stream, VideoFeatures
from emolive.session.stream_listener import StreamListener
from emolive.types import AudioBlock, Estimate, FloatArray, Frame, Image
from emolive.vision.encoders import landmarks
from emolive.vision.face_pipeline import FacePipeline
from emolive.vision.frame_sampler import FrameSampler
from emolive.vision.landmarks import LANDMARKER_ID

SIZE = 224
PIXEL_RATIO, SHIPPED_RATIO, LOGITS = 25.0, 60.0, 1e-4
SOUND_S = 12.0


class PipelineHarness:
    """Runs the inference half of a session bin by bin, with inputs from memory instead of devices.

    `advance` delivers a bin of audio and selects its frames; it is not part of an estimate's cost.
    `hop` is: frames already detected and tracked → vectors → window with audio features → estimate.
    """

    def __init__(self, predictor: Predictor, faces: list[Image]) -> None:
        self.predictor, self.spec = predictor, predictor.spec
        self._pipeline = LivePipeline("running", "bench", StatusRegistry(), run_inline)
        space = object()
        self._pipeline.set_model(LoadedModel(predictor, space, space, load_profile(predictor, "bench")))
        info = SourceInfo("Bench", True, True, live=False)
        self.stream = Stream("bench", info, info, realtime=True, has_video=True, window_s=self.spec.window_s)
        self.stream.origin_ns = 0
        self._listener = StreamListener(self.stream)
        self._vectors = FeatureBuffer(self.spec.frame_dim, self.stream.history_s)
        self._sampler = FrameSampler(self.spec, 0)
        self.stream.features = VideoFeatures(space, self._vectors, self._sampler)
        self._pipeline.attach(self.stream)
        self._encoder = predictor.encoders()[0]
        self._faces = faces
        self._points = landmarks.mean_shape() * 100 + 200
        self._random = np.random.default_rng(0)
        self._sound = fixtures.sound(SOUND_S)
        self._frames = self._blocks = self._bin = 0
        self._due: list[tuple[int, Image]] = []
        self.crops: deque[Image] = deque(maxlen=self.spec.n_bins)
        """The crops of the newest window."""

    @property
    def end_ns(self) -> int:
        return self._bin * to_ns(self.spec.bin_s)

    def advance(self) -> None:
        """Another bin goes by."""
        self._bin += 1
        self._due = []
        while (t_ns := self._frames * NS_PER_S // fixtures.FPS) < self.end_ns:
            self._frames += 1
            if self._sampler.accept(t_ns):
                self._due.append((t_ns, self._faces[self._frames % len(self._faces)]))
        while (t_ns := self._blocks * BLOCK * NS_PER_S // RATE_HZ) < self.end_ns:
            first = self._blocks * BLOCK % (len(self._sound) - BLOCK)
            self._listener.on_audio(AudioBlock(t_ns, self._sound[first : first + BLOCK], RATE_HZ))
            self._blocks += 1

    def hop(self) -> Estimate | None:
        """Encode the bin's frames and estimate."""
        for t_ns, crop in self._due:
            if self._encoder.learned:
                vector = self._encoder(crop[None])[0]
                self.crops.append(crop)
            else:
                jitter = self._random.normal(0, 2, self._points.shape).astype(np.float32)
                vector = self._encoder((self._points + jitter)[None])[0]
            self._vectors.append(t_ns, vector)
        return self._pipeline.predict(self.end_ns)


class FullWindow:
    """The reference computation: all 15 frames through eager torch, and the published audio features."""

    def __init__(self, net: EmotionNet, faces: list[Image]) -> None:
        self._net = net
        self._faces = [faces[i % len(faces)] for i in range(net.spec.n_bins)]
        self._sound = resample(fixtures.sound(net.spec.window_s), RATE_HZ, net.spec.audio.rate_hz)

    def __call__(self) -> Tensor:
        return self.logits(self._faces, self._sound[: self._net.spec.n_samples])

    def logits(self, faces: list[Image], sound: FloatArray) -> Tensor:
        """(classes,) of `frames` crops (S, S, 3) BGR and the window's samples at the model's rate."""
        with torch.inference_mode():
            pixels = torch.from_numpy(np.stack(faces)).permute(0, 3, 1, 2).float() / 255
            video = self._net.encode(pixels)
            audio = torch.from_numpy(self._net.spec.audio.encoder(sound))
            logits: Tensor = self._net(video[None], audio[None])
        return logits[0]


def difference(harness: PipelineHarness, full: FullWindow, estimate: Estimate) -> float:
    """The largest difference in logits between the streamed estimate and the recomputed window.

    Probabilities determine logits up to a constant, so both are compared without their mean.
    """
    spec, sound = harness.spec, harness.stream.audio
    assert sound is not None
    samples, _ = sound.read(harness.end_ns, ceil(spec.n_samples * sound.rate_hz / spec.audio.rate_hz))
    at_rate = resample(samples, sound.rate_hz, spec.audio.rate_hz)[-spec.n_samples :]
    expected = full.logits(list(harness.crops), at_rate).double()
    logits = torch.tensor(estimate.raw_probs, dtype=torch.float64).log()
    return float(((logits - logits.mean()) - (expected - expected.mean())).abs().max())


def run(config: BenchmarkConfig, report: Report) -> Iterator[Measurement]:
    """`hop`: CPU time per estimate."""
    torch.set_num_threads(1)
    faces = fixtures.crops(16, SIZE)
    net = fixtures.random_net(ModelSpec(fusion=config.fusion), faces)
    full = FullWindow(net, faces)
    pixel = PipelineHarness(Predictor(Checkpoint(net, net.spec, {}, Path()), "cpu", config.backend), faces)
    shipped = {
        f: PipelineHarness(load_predictor(f, None, "cpu", config.backend), faces) for f in FUSIONS.titles()
    }
    harnesses = {"pixel": pixel, **shipped}
    newest: dict[str, Estimate | None] = {}
    for harness in harnesses.values():
        for _ in range(net.spec.n_bins + 1):
            harness.advance()
            harness.hop()
    face_pipeline = FacePipeline.for_spec(shipped[config.fusion].spec)
    frames = iter(_frames(config.rounds))

    def run(name: str) -> None:
        newest[name] = harnesses[name].hop()

    def prepare() -> None:
        for harness in harnesses.values():
            harness.advance()

    times = interleaved(
        {
            "_": prepare,
            "full": full,
            **{name: partial(run, name) for name in harnesses},
            "perception": lambda: face_pipeline.process(next(frames)),
        },
        config.rounds,
    )
    yield from _pixel_figures(times, difference(pixel, full, _there(newest["pixel"])), pixel)
    yield from _shipped_figures(times, shipped, config)
    streamed, full_window = times[config.fusion], times["full"]
    report.summary |= {
        "hop_cpu_ms": streamed.to_dict(),
        "full_window_cpu_ms": full_window.to_dict(),
        "ratio": round(full_window.p50 / streamed.p50, 2),
        "backend": shipped[config.fusion].predictor.runtime.name,
        "fusion": config.fusion,
    }
    face_pipeline.close()


def _there(estimate: Estimate | None) -> Estimate:
    assert estimate is not None
    assert estimate.modality == "av"
    return estimate


def _pixel_figures(times: dict[str, Times], apart: float, harness: PipelineHarness) -> Iterator[Measurement]:
    full, hop, name = times["full"], times["pixel"], harness.predictor.runtime.name
    yield Measurement(
        "hop.full_p50", "15 frames at 224 px recomputed, eager torch, MFCC, head", full.p50, "ms"
    )
    yield Measurement("hop.full_p95", "  95th percentile", full.p95, "ms")
    yield Measurement("hop.pixel_p50", f"efficientface 224 px, one new frame, {name}", hop.p50, "ms")
    yield Measurement("hop.pixel_p95", "  95th percentile", hop.p95, "ms")
    ratio = full.p50 / hop.p50
    yield Measurement(
        "hop.pixel_ratio",
        "  times less",
        ratio,
        "×",
        PIXEL_RATIO,
        at_least=True,
        bottleneck="The backbone dominates: half of its layers are depthwise convolutions and channel "
        "shuffles, which are bound by memory.",
    )
    yield Measurement("hop.pixel_logits", "  largest difference in logits", apart, "", LOGITS)


def _shipped_figures(
    times: dict[str, Times], harnesses: dict[str, PipelineHarness], config: BenchmarkConfig
) -> Iterator[Measurement]:
    full = times["full"].p50
    for fusion, harness in harnesses.items():
        label = f"shipped {fusion}, {harness.predictor.runtime.name}"
        note = "3.6 frames' geometry, audio features, baseline, head, smoothing"
        yield Measurement(f"hop.{fusion}_p50", label, times[fusion].p50, "ms", note=note)
        yield Measurement(f"hop.{fusion}_p95", "  95th percentile", times[fusion].p95, "ms")
        ratio = full / times[fusion].p50
        yield Measurement(
            f"hop.{fusion}_ratio",
            "  times less",
            ratio,
            "×",
            SHIPPED_RATIO,
            at_least=True,
            bottleneck="Speech detection, which earlier tables did not have, takes most of what is above "
            "the target.",
        )
    crops, spec = times["perception"], harnesses[config.fusion].spec
    note = f"{LANDMARKER_ID} on 640x480; not part of the figures above, as the reference gets crops"
    yield Measurement(
        "hop.perception_p50", "face and landmarks, per accepted frame", crops.p50, "ms", note=note
    )
    per_estimate = crops.p50 * spec.bin_s * _frames_per_s(spec)
    total = times[config.fusion].p50 + per_estimate
    yield Measurement("hop.chain_p50", f"shipped {config.fusion} with its faces and landmarks", total, "ms")
    yield Measurement("hop.chain_ratio", "  times less than recomputing 15 given crops", full / total, "×")


def _frames_per_s(spec: ModelSpec) -> float:
    """Frames per second that perception accepts from a camera at 30 frames per second."""
    sampler = FrameSampler(spec, 0)
    looked = sum(sampler.accept(i * NS_PER_S // fixtures.FPS) for i in range(10 * fixtures.FPS))
    return looked / 10


def _frames(rounds: int) -> list[Frame]:
    pictures = fixtures.pictures((rounds + 10) / 15, 15)
    return [Frame(i * NS_PER_S // 15, picture, i) for i, picture in enumerate(pictures)]
