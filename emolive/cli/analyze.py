"""`emolive analyze FILE...`"""

from __future__ import annotations

import argparse
import contextlib
import sys

import torch

from emolive.errors import EmoliveError
from emolive.interpreter import load_interpreter
from emolive.live.api import DEFAULT_BASELINE, DEFAULT_PERSON
from emolive.offline import Analyzer
from emolive.record.rows import RowWriter, whole_file, writer


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
        interpreter = load_interpreter(args.fusion, args.checkpoint, args.device, args.backend)
        if interpreter.backend.note:
            _say(interpreter.backend.note)
        analyzer = stack.enter_context(
            Analyzer(
                interpreter,
                baseline="neutral" if args.neutral else args.baseline or DEFAULT_BASELINE,
                person=args.person or DEFAULT_PERSON,
                same_person=args.same_person,
                on_damage=_say,
            )
        )
        for path in args.neutral:
            analyzer.learn_neutral(path)
        out = sys.stdout if args.out is None else stack.enter_context(whole_file(args.out))
        return _all(args, analyzer, writer(form, out))


def _all(args: argparse.Namespace, analyzer: Analyzer, rows: RowWriter) -> int:
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
