"""emolive estimates expressed emotion from face and voice, live and in files.

    import emolive

    for estimate in emolive.analyze("clip.mp4", fusion="ia"):
        print(estimate.t_s, estimate.label)

    with emolive.Session(emolive.SessionConfig(source="0")) as session:
        session.subscribe(lambda estimate: print(estimate.label))
        ...

Names are imported on first use (SPEC 1), so that `import emolive` is fast.
"""

# Nothing is imported here: until a command has begun, Ctrl-C would end in a traceback. Types are in the stub.


def _lazy():
    """The function that imports a public name, and all public names."""
    import lazy_loader

    load, _, names = lazy_loader.attach_stub(__name__, __file__)
    return load, names


def _version():
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("emolive")
    except PackageNotFoundError:  # a source tree that is not installed
        return "0+unknown"


def __getattr__(name):
    if name == "__version__":
        return _version()
    load, names = _lazy()
    return names if name == "__all__" else load(name)


def __dir__():
    return sorted([*_lazy()[1], "__version__"])
