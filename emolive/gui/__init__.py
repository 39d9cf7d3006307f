"""The window: it pulls snapshots of a session, shows them, and passes the person's choices on."""
