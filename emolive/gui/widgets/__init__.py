"""The widgets of the window, one in each module."""
