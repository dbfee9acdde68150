"""`daddy-encode verify`."""
