"""`emolive analyze FILE...`"""

from __future__ import annotations

import argparse
import contextlib
import sys

import torch

from emolive.errors import EmoliveError
from emolive.file_analyzer import FileAnalyzer
from emolive.predictor import load_predictor
from emolive.session.config import DEFAULT_BASELINE, DEFAULT_PERSON
from emolive.sinks.rows import RowWriter, atomic_text_file, writer


def analyze(args: argparse.Namespace) -> int:
    """Read every file that can be read; 2 if one could not."""
    form = args.format or ("table" if sys.stdout.isatty() and args.out is None else "jsonl")
    if args.out is not None and args.out.is_file():
        for path in (*args.files, *args.neutral):
            if path.is_file() and path.samefile(args.out):
                raise EmoliveError(f"{args.out} is one of the files to read: write to another.")
    # As in a session: for nets this small a second thread mostly waits for the first.
    torch.set_num_threads(1)
    with contextlib.ExitStack() as stack:
        predictor = load_predictor(args.fusion, args.checkpoint, args.device, args.backend)
        if predictor.runtime.fallback_reason:
            _say(predictor.runtime.fallback_reason)
        analyzer = stack.enter_context(
            FileAnalyzer(
                predictor,
                baseline="neutral" if args.neutral else args.baseline or DEFAULT_BASELINE,
                person=args.person or DEFAULT_PERSON,
                same_person=args.same_person,
                on_damage=_say,
            )
        )
        for path in args.neutral:
            analyzer.learn_neutral(path)
        out = sys.stdout if args.out is None else stack.enter_context(atomic_text_file(args.out))
        return _all(args, analyzer, writer(form, out))


def _all(args: argparse.Namespace, analyzer: FileAnalyzer, rows: RowWriter) -> int:
    failed = 0
    for path in args.files:
        try:
            for row in analyzer.rows(path):
                rows.write(row)
        except EmoliveError as error:
            failed += 1
            _say(str(error))
    return 2 if failed else 0


def _say(sentence: str) -> None:
    sys.stderr.write(f"emolive: {sentence}\n")
