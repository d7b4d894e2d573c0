"""An emulated AWS with time, faults and a history: what the tests, the demo and benchmarks run on."""
