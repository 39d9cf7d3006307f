"""Sessions of ONNX Runtime. Nothing here imports torch."""

from __future__ import annotations

from typing import Any

from emolive.errors import CheckpointError, MissingDependencyError

INSTALL = "ONNX Runtime is missing, which emolive needs: install emolive again."
INSTALL_ONNX = (
    "ONNX models need more packages: run `make run` in the folder of emolive, "
    "or pip install -e '.[onnx]' there."
)


def create_session(content: bytes, name: str, threads: int) -> Any:
    """An onnxruntime session on the CPU.

    Args:
        content: the ONNX file.
        name: of the file, for the error.
        threads: for one run.

    Raises:
        MissingDependencyError: onnxruntime is not installed.
        CheckpointError: onnxruntime cannot run the model.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise MissingDependencyError(INSTALL) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Spinning threads take the core that capture and window need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        # Its fallback prints to the terminal and tries the same again.
        return onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
    except Exception as error:
        raise CheckpointError(f"{name} is not an ONNX model that can be run, or is damaged.") from error
