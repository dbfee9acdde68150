"""Encoding what is in a directory, and reading what was encoded, from Python: what the command line does."""

from __future__ import annotations

from daddy_encode.jobs.encode_jobs import encode
from daddy_encode.jobs.read import receipts
from daddy_encode.jobs.results import JobReceipt, SavedVideo

__all__ = ["JobReceipt", "SavedVideo", "encode", "receipts"]
