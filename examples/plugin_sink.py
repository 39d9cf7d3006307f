"""A result sink in one file: one line per analysed file.

emolive analyze --plugin examples/plugin_sink.py --format summary clip1.mp4 clip2.mp4
"""

from emolive.plugins import SINKS
from emolive.sinks import TextSink
from emolive.types import Estimate, FileSummary


@SINKS.register("summary", title="one line per file")
class SummarySink(TextSink):
    """Writes the most frequent label of each file and its share."""

    def write(self, estimate: Estimate) -> None:
        if isinstance(estimate, FileSummary):
            label, share = max(estimate.shares.items(), key=lambda item: item[1])
            self.out.write(f"{estimate.source}: {label} in {share:.0%} of the estimates\n")
