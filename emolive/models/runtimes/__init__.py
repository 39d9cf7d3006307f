"""Runtimes, which execute a network; see `emolive.models.runtimes.base`."""
