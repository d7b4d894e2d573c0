"""An emulated AWS with time, faults and a history, for tests, demo and benchmarks."""
