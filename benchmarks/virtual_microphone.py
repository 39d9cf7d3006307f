"""A microphone for computers without one: a PulseAudio server whose input records its output."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import wave
from pathlib import Path

import numpy as np

from emolive.types import FloatArray

_TOOLS = ("pulseaudio", "pactl", "paplay")
_ALSA = """</usr/share/alsa/alsa.conf>
pcm.!default { type pulse hint { show on description "Default (PulseAudio)" } }
ctl.!default { type pulse }
pcm.vmic { type pulse device "vmic" hint { show on description "Virtual mic" } }
"""
_PULSE = """load-module module-native-protocol-unix auth-anonymous=1 socket=%s
load-module module-null-sink sink_name=vspeaker rate=48000 channels=2
load-module module-remap-source source_name=vmic master=vspeaker.monitor channels=1
set-default-sink vspeaker
set-default-source vmic
"""


def missing_requirements() -> str | None:
    """Why no sound server can run here; None if it can."""
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        return f"{', '.join(missing)} not installed (Debian: pulseaudio pulseaudio-utils)"
    if not list(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")):
        return "ALSA's PulseAudio plugin not installed (Debian: libasound2-plugins)"
    try:
        import sounddevice  # noqa: F401
    except OSError:
        return "PortAudio not installed (Debian: libportaudio2)"
    return None


class VirtualMicrophone:
    """The server, running between `start` and `close`; `kill` and `start` may be repeated.

    `environment` has to be in a process's environment before its PortAudio starts.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="emolive-sound-"))
        """Temporary files of the server."""
        run, pulse, state = (self.folder / name for name in ("run", "pulse", "state"))
        for folder in (run, pulse, state):
            folder.mkdir(mode=0o700)
        socket = pulse / "native"
        self.environment = {
            "XDG_RUNTIME_DIR": str(run),
            "PULSE_RUNTIME_PATH": str(pulse),
            "PULSE_STATE_PATH": str(state),
            "PULSE_SERVER": f"unix:{socket}",
            "ALSA_CONFIG_PATH": str(self.folder / "asound.conf"),
        }
        (self.folder / "asound.conf").write_text(_ALSA)
        (self.folder / "pulse.pa").write_text(_PULSE % socket)
        self._server: subprocess.Popen[bytes] | None = None
        self._players: list[subprocess.Popen[bytes]] = []

    def start(self, timeout_s: float = 20.0) -> None:
        """Start the server and wait until it answers; RuntimeError with its log if it does not."""
        log = self.folder / "log"
        command = ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"]
        command += ["--disallow-exit=no", "--realtime=no", "--high-priority=no", "--log-level=error"]
        with log.open("ab") as output:
            self._server = subprocess.Popen(
                [*command, f"--file={self.folder / 'pulse.pa'}"],
                env=self._all(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and self._server.poll() is None:
            if self._run("pactl", "info").returncode == 0:
                return
            time.sleep(0.1)
        self.kill()
        raise RuntimeError(f"the sound server did not start: {log.read_text()}")

    @property
    def pid(self) -> int | None:
        """Of the server's process; None while it does not run."""
        return None if self._server is None else self._server.pid

    def kill(self) -> None:
        """Kill the server, as a crash would."""
        for process in (*self._players, self._server):
            if process is not None:
                process.kill()
                process.wait()
        self._players.clear()
        self._server = None

    def freeze(self) -> None:
        """Stop the server without ending it: calls to it do not return until `thaw`."""
        assert self._server is not None, "it runs"
        self._server.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server continue."""
        assert self._server is not None, "it runs"
        self._server.send_signal(signal.SIGCONT)

    def play(self, samples: FloatArray, rate_hz: int = 48_000) -> subprocess.Popen[bytes]:
        """Play mono `samples` (n,) into the microphone; returns at once."""
        path = self.folder / f"{len(list(self.folder.glob('*.wav')))}.wav"
        with wave.open(str(path), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(rate_hz)
            out.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
        player = subprocess.Popen(["paplay", str(path)], env=self._all(), stdin=subprocess.DEVNULL)
        self._players.append(player)
        return player

    def open_pipe(self) -> Path:
        """Make a pipe the default microphone: what is written into it (s16le mono, 48 kHz) is heard at once.

        Raises:
            RuntimeError: the server refuses it.
        """
        path = self.folder / "pipe"
        options = ["source_name=pipe", f"file={path}", "format=s16le", "rate=48000", "channels=1"]
        for command in (
            ("pactl", "load-module", "module-pipe-source", *options),
            ("pactl", "set-default-source", "pipe"),
        ):
            done = self._run(*command)
            if done.returncode:
                raise RuntimeError(f"the sound server refuses a pipe: {done.stderr.decode()}")
        return path

    def close_pipe(self) -> None:
        """Undo `open_pipe`."""
        self._run("pactl", "set-default-source", "vmic")
        self._run("pactl", "unload-module", "module-pipe-source")

    def stop_playback(self) -> None:
        """Stop all that plays."""
        for player in self._players:
            player.kill()
            player.wait()
        self._players.clear()

    def close(self) -> None:
        """End the server and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _all(self) -> dict[str, str]:
        return {**os.environ, **self.environment}

    def _run(self, *command: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(command, env=self._all(), capture_output=True, check=False, timeout=10)
