"""`daddy-encode encode`, and the options that every command that encodes takes."""
