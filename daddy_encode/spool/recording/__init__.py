"""A recording on disk: its directory, which is made, cleared or removed, and its annotations."""
