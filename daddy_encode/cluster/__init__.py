"""Which CPUs this process may use. The only place that knows Slurm exists."""
