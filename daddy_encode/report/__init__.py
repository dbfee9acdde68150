"""What people and programs read: log lines, JSON lines, the progress bar."""
