"""Result sinks: where estimates are written. Registered in `emolive.plugins.SINKS`."""

from emolive.sinks.base import ResultSink, TextSink

__all__ = ["ResultSink", "TextSink"]
