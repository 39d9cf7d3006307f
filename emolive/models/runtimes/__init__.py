"""Runtimes: what executes a network; see `emolive.models.runtimes.base`."""
