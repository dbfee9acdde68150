"""What people and programs read: log lines, JSON lines, the progress bar, the status table, the ledger."""
