"""Requirements for every result sink, built in or added."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from emolive.errors import OutputError
from emolive.plugins import SINKS, load_plugin
from emolive.sinks import ResultSink
from tests.helpers.estimates import STAMPS, make_estimate, make_summary

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "plugin_sink.py"
load_plugin(EXAMPLE)

ESTIMATES = (make_estimate(), make_estimate(stamps=STAMPS, label="unsure"), make_summary())


@pytest.fixture(params=sorted(SINKS))
def sink_class(request) -> type[ResultSink]:
    return SINKS.get(request.param)


def test_the_example_is_registered():
    assert "summary" in SINKS


def test_it_is_a_sink_with_a_title(sink_class):
    assert issubclass(sink_class, ResultSink)
    assert all(SINKS.titles().values())


def test_it_writes_to_standard_output_without_a_target(sink_class, capsys):
    with sink_class(None) as sink:
        for estimate in ESTIMATES:
            sink.write(estimate)
    out = capsys.readouterr().out
    assert "a.mp4" in out
    assert not sys.stdout.closed


def test_a_file_is_complete_or_not_there(sink_class, tmp_path):
    path = tmp_path / "out"
    path.write_text("old")

    def fail() -> None:
        with sink_class(path) as sink:
            sink.write(make_summary())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    with sink_class(path) as sink:
        for estimate in ESTIMATES:
            sink.write(estimate)
        assert path.read_text() == "old"
    assert "a.mp4" in path.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [path]


def test_a_target_that_cannot_be_written_is_an_output_error(sink_class, tmp_path):
    def write() -> None:
        with sink_class(tmp_path / "missing" / "out") as sink:
            sink.write(make_summary())

    with pytest.raises(OutputError):
        write()


def test_a_file_name_that_is_no_text_can_be_written(sink_class, tmp_path):
    name = b"caf\xe9.mp4".decode("utf-8", "surrogateescape")
    with sink_class(tmp_path / "out") as sink:
        for estimate in (make_estimate(source=name), make_summary(source=name)):
            sink.write(estimate)
    assert "caf" in (tmp_path / "out").read_text(encoding="utf-8")
