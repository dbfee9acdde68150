"""`daddy-encode clean`."""
