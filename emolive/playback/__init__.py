"""Files in the window: played with a transport, and analysed ahead of what is shown."""
