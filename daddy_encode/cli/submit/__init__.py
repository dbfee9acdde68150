"""`daddy-encode submit`."""
