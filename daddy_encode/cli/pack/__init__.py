"""`daddy-encode pack`."""
