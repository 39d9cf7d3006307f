"""Training of the pixel trunk on pictures of single faces."""
