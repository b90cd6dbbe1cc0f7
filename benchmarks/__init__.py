"""Speed beside plain public tools, in the same run, as ratios: `python -m benchmarks train|map|keys|pages|all`. Never a timed test."""
