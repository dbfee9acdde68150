"""Frames of a directory that are stored in one file: its name, its bytes, how many there are."""
