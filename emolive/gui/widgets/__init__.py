"""The parts of the window, one widget and one job in each module."""
