"""Benchmarks of latency, throughput and cost on this machine: `emolive bench`. They are not tests."""
