"""A job's PNGs become one file, and PNGs again: nothing is removed before what replaces it is proved and on disk."""
