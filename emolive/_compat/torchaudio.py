"""torchaudio, also where its compiled extension does not fit the installed torch.

Its Linux wheels are linked to CUDA, so that importing it beside a CPU build of torch raises OSError,
although nothing that emolive uses needs that extension. torchaudio already knows how to live without
it ("extension unavailable"); it only has no word for an extension that is there and does not load.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, NoReturn

from emolive.errors import EmoliveError

_EXTENSION = "torchaudio._extension"


def _no_align(function: Any) -> Any:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise RuntimeError(f"{function.__name__} needs torchaudio's compiled extension.")

    return refuse


def _without_extension() -> ModuleType:
    """What torchaudio's own `_extension` offers when it finds no extension file."""
    stub = ModuleType(_EXTENSION)
    vars(stub).update(
        _IS_TORCHAUDIO_EXT_AVAILABLE=False, _IS_ALIGN_AVAILABLE=False, fail_if_no_align=_no_align
    )
    return stub


def _import() -> Any:
    try:
        import torchaudio
    except (OSError, ImportError) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "torchaudio":
            raise EmoliveError("torchaudio is not installed: install emolive again.") from error
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchaudio"]:
            del sys.modules[name]
        sys.modules[_EXTENSION] = _without_extension()
        import torchaudio
    return torchaudio


torchaudio = _import()
