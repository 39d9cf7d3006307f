"""emolive estimates expressed emotion from face and voice, live and in files.

    import emolive

    for estimate in emolive.analyze("clip.mp4", fusion="ia"):
        print(estimate.t_s, estimate.label)

    with emolive.Session(emolive.SessionConfig(source="0")) as session:
        session.subscribe(lambda estimate: print(estimate.label))
        ...

Names are imported on first use (SPEC 1), so that `import emolive` is fast.
"""

from importlib.metadata import PackageNotFoundError, version

import lazy_loader

try:
    __version__ = version("emolive")
except PackageNotFoundError:  # a source tree that is not installed
    __version__ = "0+unknown"

__getattr__, _, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
