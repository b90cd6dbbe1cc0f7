#!/bin/sh
# All measurements on a GPU, on a bare machine: torch, torchvision, numpy, pandas and pillow are enough. See benchmarks/device/__main__.py.
#   benchmarks/device.sh [--out DIR] [--cifar DIR] [--photos DIR] [--parts NAMES] [--only STRATEGIES] [--budget SECONDS] [--tiny] [--device cpu]
# Exits with the number of things that failed; each part's figures are in DIR/<card>-<part>.json.
cd "$(dirname "$0")/.." || exit 120
exec "${PYTHON:-python3}" -u -m benchmarks.device "$@"
