"""How fast it is, beside the programs people would use otherwise; run by `python -m tests.benchmarks.run`."""
