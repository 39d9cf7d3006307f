"""What answers for a file and how: the models, the person and the baseline of a player."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from emolive.device import choose_device
from emolive.errors import ConfigError
from emolive.models.io.checkpoint import is_onnx
from emolive.models.runtimes.base import AUTO, ONNX, check_backend
from emolive.normalization import MODES
from emolive.playback.clip_analysis import ClipAnalysis
from emolive.playback.clip_track import AnalysisRequest
from emolive.playback.models import ModelLoan
from emolive.playback.player import Player
from emolive.plugins import FUSIONS
from emolive.session.config import SessionConfig, check_hop
from emolive.session.model_request import ONNX_ONLY
from emolive.session.status import StatusRegistry
from emolive.smoothing import check_smoothing
from emolive.types import Status
from emolive.vision.survey import FaceChoice

if TYPE_CHECKING:
    from emolive.predictor import Predictor


class ClipControls:
    """The part of `PlayerSession` that decides how its file is analysed: each request analyses it anew.

    Args:
        config: the initial settings.
        models: loads the models.
        player: of the file.
        analysis: of the file.
        statuses: of the session; gets that of "model".
    """

    def __init__(
        self,
        config: SessionConfig,
        models: ModelLoan,
        player: Player,
        analysis: ClipAnalysis,
        statuses: StatusRegistry,
    ) -> None:
        self._config, self._models = config, models
        self._player, self._analysis, self._statuses = player, analysis, statuses
        self._comparison = config.comparison
        self._explaining = False
        self._faces: tuple[FaceChoice, ...] = ()

    @property
    def model_settled(self) -> bool:
        """Whether the newest requested model was loaded or refused."""
        return self._analysis.idle.is_set()

    def set_fusion(self, fusion: str) -> None:
        """Analyse with the shipped model of a fusion."""
        FUSIONS.check(fusion)
        self._change(fusion=fusion, checkpoint=None)

    def set_checkpoint(self, path: Path) -> None:
        """Analyse with a checkpoint."""
        self._change(checkpoint=path)

    def set_baseline(self, mode: str) -> None:
        """Analyse with another baseline."""
        if mode not in MODES:
            raise ConfigError(f"There is no baseline {mode}: choose {', '.join(MODES)}.")
        self._change(baseline=mode)

    def set_person(self, person: str) -> None:
        """Analyse with the neutral baseline of another person."""
        if not person.strip():
            raise ConfigError("A person needs a name under which the baseline is saved.")
        self._change(person=person.strip())

    def set_device(self, device: str) -> None:
        """Analyse on another device.

        Raises:
            DeviceError: this computer has no such device.
        """
        if device != "auto":
            choose_device(device)
        self._change(device=device)

    def set_backend(self, backend: str) -> None:
        """Analyse by another runtime."""
        check_backend(backend)
        checkpoint = self._config.checkpoint
        if checkpoint is not None and is_onnx(checkpoint) and backend not in (AUTO, ONNX):
            raise ConfigError(ONNX_ONLY.format(name=checkpoint.name))
        self._change(backend=backend)

    def set_hop_bins(self, hop_bins: int) -> None:
        """Answer at the end of every so many bins of the file."""
        check_hop(hop_bins)
        self._change(hop_bins=hop_bins)

    def set_smoothing(self, mode: str) -> None:
        """Smooth the answers in another way."""
        check_smoothing(mode)
        self._change(smoothing=mode)

    def set_comparison(self, fusions: tuple[str, ...]) -> None:
        """Analyse with these fusions too, on the same evidence."""
        for fusion in fusions:
            FUSIONS.check(fusion)
        self._comparison = fusions
        self._request()

    def set_explaining(self, on: bool) -> None:
        """Explain the estimates, or no longer."""
        if on is not self._explaining:
            self._explaining = on
            self._request()

    def choose_face(self, x_px: float, y_px: float) -> None:
        """Read another face of the file from the position on; the file is analysed anew.

        Args:
            x_px, y_px: a point of the frame at the position, in the box of one of the faces that are not
                read; elsewhere nothing changes.
        """
        frame = self._player.frame
        seen = None if frame is None else self._analysis.observation_at(frame.t_ns)
        if seen is None or not any(box.contains(x_px, y_px) for box in seen.others):
            return
        earlier = tuple(choice for choice in self._faces if choice.t_ns < seen.t_ns)
        self._faces = (*earlier, FaceChoice(seen.t_ns + 1, x_px, y_px))
        self._request()

    def _change(self, **changes: object) -> None:
        self._config = replace(self._config, **changes)  # type: ignore[arg-type]
        self._request()

    def _request(self) -> None:
        self._statuses.put(Status("model", "info", "loading", "The model is loading."))
        config, comparison, models = self._config, self._comparison, self._models

        def load() -> list[Predictor]:
            import torch

            # For networks this small a second thread mostly waits for the first.
            torch.set_num_threads(1)
            main = models.load(
                None if config.checkpoint else config.fusion, config.checkpoint, config.device, config.backend
            )
            others = [name for name in comparison if name != main.spec.fusion or config.checkpoint]
            return [main, *(models.load(name, None, config.device, config.backend) for name in others)]

        self._analysis.request(
            AnalysisRequest(
                load,
                config.baseline,
                config.person,
                self._explaining,
                hop_bins=config.hop_bins,
                smoothing=config.smoothing,
                faces=self._faces,
            )
        )
