"""Measurements and checks on one GPU, part by part, each with a time limit: `benchmarks/device.sh`. Never a timed test."""
