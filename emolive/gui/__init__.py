"""The window: shows snapshots of a session and forwards the user's choices to it."""
