"""`--from marks.json`: the jobs that were marked in a gallery."""
