"""Reading frames of a directory that are stored in one file."""
