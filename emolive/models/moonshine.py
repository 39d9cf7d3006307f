"""The first layers of the encoder of Moonshine, a speech recogniser (Useful Sensors, MIT).

Jeffries et al., "Moonshine: Speech Recognition for Live Transcription and Voice Commands", 2024
(arXiv:2410.15608), sec. 3. The group norm behind the first convolution spans the whole sound and attention
looks both ways, so the frames of overlapping windows are not the same numbers.
"""

from __future__ import annotations

import io

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 288
N_HEADS = 8
HEAD_WIDTH = WIDTH // N_HEADS
ROTARY_WIDTH = 32
"""So many values of a head are rotated by their position (RoPE); the others are not."""
HIDDEN = 1152


class MoonshineLayer(nn.Module):
    """A pre-norm transformer layer: attention over all frames, then a feed-forward network."""

    def __init__(self) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(WIDTH, bias=False)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)
        self.feed_norm = nn.LayerNorm(WIDTH, bias=False)
        self.fc1 = nn.Linear(WIDTH, HIDDEN)
        self.fc2 = nn.Linear(HIDDEN, WIDTH)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, quarter_turn: Tensor) -> Tensor:
        """(B, frames, WIDTH) → the same shape; cos and sin (frames, HEAD_WIDTH) of the positions."""
        batch, frames, _ = x.shape
        qkv = self.qkv(self.attention_norm(x)).reshape(batch, frames, 3, N_HEADS, HEAD_WIDTH)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        q = q * cos + (q @ quarter_turn) * sin
        k = k * cos + (k @ quarter_turn) * sin
        weights = torch.softmax(q @ k.transpose(-1, -2) * HEAD_WIDTH**-0.5, dim=-1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(batch, frames, WIDTH))
        out: Tensor = x + self.fc2(functional.gelu(self.fc1(self.feed_norm(x))))
        return out


class MoonshineEncoder(nn.Module):
    """Mono sound at 16 kHz to frames of 24 ms, each of which the stem computes from 56 ms.

    Args:
        n_layers: how many layers are built.
    """

    angular_steps: Tensor
    """(HEAD_WIDTH,) rotation from frame to frame in radians; 0 where nothing is rotated."""
    quarter_turn: Tensor
    """(HEAD_WIDTH, HEAD_WIDTH) maps each rotated pair (even, odd) to (-odd, even)."""

    def __init__(self, n_layers: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(1, WIDTH, 127, stride=64, bias=False)
        self.norm = nn.GroupNorm(1, WIDTH, eps=1e-5)
        self.conv2 = nn.Conv1d(WIDTH, 2 * WIDTH, 7, stride=3)
        self.conv3 = nn.Conv1d(2 * WIDTH, WIDTH, 3, stride=2)
        self.layers = nn.ModuleList(MoonshineLayer() for _ in range(n_layers))
        self.register_buffer("angular_steps", torch.zeros(HEAD_WIDTH))
        even = torch.arange(0, ROTARY_WIDTH, 2)
        quarter_turn = torch.zeros(HEAD_WIDTH, HEAD_WIDTH)
        quarter_turn[even + 1, even] = -1.0
        quarter_turn[even, even + 1] = 1.0
        self.register_buffer("quarter_turn", quarter_turn, persistent=False)

    @classmethod
    def from_npz(cls, content: bytes, n_layers: int) -> MoonshineEncoder:
        """With the weights of an .npz file, in float32, frozen and in eval mode."""
        encoder = cls(n_layers)
        with np.load(io.BytesIO(content)) as file:
            stored = {name: torch.from_numpy(file[name].astype(np.float32)) for name in file.files}
        state = {
            "conv1.weight": stored["conv1.weight"],
            "norm.weight": stored["groupnorm.weight"].flatten(),
            "norm.bias": stored["groupnorm.bias"].flatten(),
        }
        state |= {f"{c}.{p}": stored[f"{c}.{p}"] for c in ("conv2", "conv3") for p in ("weight", "bias")}
        pairs = stored["rotary.inv_freq"].flatten().repeat_interleave(2)
        state["angular_steps"] = functional.pad(pairs, (0, HEAD_WIDTH - ROTARY_WIDTH))
        for i in range(n_layers):
            layer = f"layers.{i}"
            qkv = [stored[f"{layer}.self_attn.{part}_proj.weight_t"].T for part in "qkv"]
            state[f"{layer}.qkv.weight"] = torch.cat(qkv)
            state[f"{layer}.out.weight"] = stored[f"{layer}.self_attn.o_proj.weight_t"].T
            state[f"{layer}.attention_norm.weight"] = stored[f"{layer}.input_layernorm.weight"]
            state[f"{layer}.feed_norm.weight"] = stored[f"{layer}.post_attention_layernorm.weight"]
            for linear in ("fc1", "fc2"):
                state[f"{layer}.{linear}.weight"] = stored[f"{layer}.mlp.{linear}.weight_t"].T
                state[f"{layer}.{linear}.bias"] = stored[f"{layer}.mlp.{linear}.bias"]
        encoder.load_state_dict(state)
        return encoder.requires_grad_(False).eval()

    def stages(self, samples: Tensor) -> list[Tensor]:
        """(B, n) → the outputs of the stem and of each layer, (B, frames, WIDTH) each."""
        x = self.norm(torch.tanh(self.conv1(samples.unsqueeze(1))))
        x = functional.gelu(self.conv3(functional.gelu(self.conv2(x)))).transpose(1, 2)
        position = torch.arange(x.shape[1], dtype=x.dtype, device=x.device)
        angles = position[:, None] * self.angular_steps
        outputs = [x]
        for layer in self.layers:
            outputs.append(layer(outputs[-1], angles.cos(), angles.sin(), self.quarter_turn))
        return outputs

    def forward(self, samples: Tensor) -> Tensor:
        """(B, n) → (B, frames, layers * WIDTH): the outputs of all layers, the first one first."""
        return torch.cat(self.stages(samples)[1:], dim=-1)
