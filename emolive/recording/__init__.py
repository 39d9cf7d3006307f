"""What a session leaves behind: recordings, spans marked by hand, reports."""
