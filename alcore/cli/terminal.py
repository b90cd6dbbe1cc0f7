"""The command line's words: an answer printed for people. Knows no verb."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from alcore.metrics import is_share, percent


def print_answer(answer: Mapping[str, Any]) -> None:
    if sys.stderr.isatty():
        print(file=sys.stderr)
    for name, value in answer.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            print(f"{name}:")
            for row in value[:100]:
                print("  " + "  ".join(f"{k}={_short(v, k)}" for k, v in row.items()))
            if len(value) > 100:
                print(f"  … and {len(value) - 100:,} more (--json gives all)")
        else:
            print(f"{name}: {_short(value, name)}")


def _short(value: Any, name: str = "") -> str:
    if isinstance(value, float):
        return percent(value) if is_share(name) else f"{value:.4g}"
    if isinstance(value, dict):
        return " ".join(f"{k}={_short(v, k)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(_short(v) for v in value[:20]) + (f", … ({len(value)})" if len(value) > 20 else "")
    return str(value)
