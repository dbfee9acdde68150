"""Fuzz targets over what reads hostile bytes; `python -m tests.fuzz --help` runs them for as long as is wanted."""
