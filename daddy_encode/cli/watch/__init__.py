"""`daddy-encode watch`."""
