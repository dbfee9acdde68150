"""One page over all receipts of a spool, that a browser opens from a file: `daddy-encode gallery`."""
