"""The example plug-in with a source, opened by its source string."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emolive.capture.factory import create_source
from emolive.capture.source_spec import SourceSpec, parse_source
from emolive.errors import ConfigError
from emolive.gui import strings
from emolive.plugins import isolated_plugins, load_plugin
from tests.helpers.listener import Collector

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "plugin_source.py"


@pytest.fixture(autouse=True)
def _loaded() -> Iterator[None]:
    with isolated_plugins():
        load_plugin(EXAMPLE)
        yield


def test_its_name_opens_it() -> None:
    spec = parse_source("gradient:0.4")
    assert spec == SourceSpec("plugin", "0.4", "gradient")
    assert (spec.title, spec.redacted) == ("moving gradient 0.4", "gradient:0.4")
    assert (strings.source_kind("gradient:0.4"), strings.source_title("gradient:0.4")) == (
        "plugin",
        spec.title,
    )
    source, listener = create_source("gradient:0.4", paced=False), Collector()
    assert source is not None
    source.start(listener)
    assert listener.ended.wait(120)
    assert (len(listener.frames), len(listener.blocks)) == (10, 10)
    assert source.stop(60)


def test_its_name_alone_opens_it_too() -> None:
    assert parse_source("gradient") == parse_source("gradient:") == SourceSpec("plugin", "", "gradient")


def test_errors_of_a_plugin_source_are_reported() -> None:
    with pytest.raises(ConfigError, match="gradient:soon names no number"):
        create_source("gradient:soon")


def test_a_session_plays_it(watch) -> None:
    watched = watch("gradient:3")
    watched.until(lambda: watched.session.snapshot().counters.frames_captured > 20, "frames")
    snapshot = watched.session.snapshot()
    assert snapshot.is_synthetic
    assert snapshot.frame.image.shape == (240, 320, 3)
    watched.until_finished()
