"""Devices: which one auto is."""

from __future__ import annotations

import torch

from alcore.training.devices import pick_device

CPU = torch.device("cpu")


def test_auto_is_the_first_gpu_or_else_the_cpu():
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert pick_device("cpu") == CPU
