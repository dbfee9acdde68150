"""What is on disk, and nothing else: names, records, atomic publish."""
