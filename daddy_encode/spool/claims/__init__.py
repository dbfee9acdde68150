"""Claims: which encoder works on a job. A hint that saves work, not a lock: safety comes from how files are published.

A claim is a lease in a directory `.daddy-encode` beside the outputs, so that encoders agree on it whatever part of the
spool each was given. That directory is opened once, never through a link, and all in it is reached from there.
"""

from daddy_encode.spool.claims.claim import Claim
from daddy_encode.spool.claims.claims import Claims
from daddy_encode.spool.claims.directory import DIRECTORY, claimed_names, has_lease, holder, lease_path

__all__ = ["DIRECTORY", "Claim", "Claims", "claimed_names", "has_lease", "holder", "lease_path"]
