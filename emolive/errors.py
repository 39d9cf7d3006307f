"""The one exception that users see."""


class EmoliveError(Exception):
    """Something the user can act on; `str(error)` is one clear sentence.

    The command line prints it on stderr and exits with 2; the window shows it as a chip.
    """
