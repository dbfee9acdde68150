"""Encoding what is in a directory, and reading what was encoded, from Python: what the command line does."""
