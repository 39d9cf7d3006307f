"""Output of the sinks."""

from __future__ import annotations

import csv
import io
import json

from emolive.sinks.csv import CsvSink
from emolive.sinks.jsonl import JsonlSink
from emolive.sinks.table import TableSink
from tests.helpers.estimates import STAMPS, make_estimate, make_summary


def written(sink_class, *estimates) -> str:
    out = io.StringIO()
    with sink_class(out) as sink:
        for estimate in estimates:
            sink.write(estimate)
    return out.getvalue()


def test_jsonl_is_one_object_a_line():
    estimates = [make_estimate(), make_estimate(stamps=STAMPS), make_summary(source="zoë \n.mp4")]
    lines = written(JsonlSink, *estimates).splitlines()
    assert [json.loads(line) for line in lines] == [estimate.to_dict() for estimate in estimates]


def test_each_live_row_names_its_own_source():
    lines = written(JsonlSink, *(make_estimate(source=s, stamps=STAMPS) for s in ("0", "b.mp4"))).splitlines()
    assert [json.loads(line)["file"] for line in lines] == ["0", "b.mp4"]


def test_csv_has_one_column_per_label_and_marks_summaries():
    rows = list(
        csv.DictReader(io.StringIO(written(CsvSink, make_estimate(), make_summary(source='q"u,o.mp4'))))
    )
    assert [r["file"] for r in rows] == ["a.mp4", 'q"u,o.mp4']
    assert [r["summary"] for r in rows] == ["False", "True"]
    assert [r["window"] for r in rows] == ["", "centre"]
    assert {"t_s", "fusion", "modality", "label", "confidence", "baseline"} <= rows[0].keys()
    assert (float(rows[0]["p_happy"]), rows[0]["share_happy"]) == (0.75, "")
    shares = {label: rows[1][f"share_{label}"] for label in ("neutral", "happy", "unsure")}
    assert shares == {"neutral": "", "happy": "0.750000", "unsure": "0.250000"}


def test_a_table_is_for_people():
    text = written(
        TableSink,
        make_estimate(),
        make_estimate(t_s=0.48, label="unsure"),
        make_summary(),
        make_estimate(source="b.mp4"),
    )
    assert text.count("a.mp4 · ia") == 1
    assert text.count("b.mp4 · ia") == 1
    assert "0.48 s" in text
    assert "[face and voice]" in text
    summary, shares = text.splitlines()[3:5]
    assert summary.split()[:2] == ["centre", "happy"]
    assert " ".join(shares.split()) == "shares happy 75% unsure 25%"
