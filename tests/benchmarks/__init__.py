"""Side-by-side ratios of one run: `python -m tests.benchmarks [NAME…]`. Not tests: nothing asserts on a clock."""
