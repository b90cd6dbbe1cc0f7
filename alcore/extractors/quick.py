"""The same network, quicker to look at many pictures: folded, channels last, in bf16 where that is fast and right. Knows no family."""

from __future__ import annotations

import copy
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from alcore.priority import NO_HURRY, step_back

FAST_IN_BF16 = {"amx_bf16", "avx512_bf16"}  # of a processor's flags; others compute it in software
NEAR = 0.99  # least cosine between a quicker network's vector and the plain one's


def quickened(net: nn.Module, known: Tensor, plain: Tensor, exact: bool = False) -> tuple[nn.Module, torch.dtype]:
    """A copy of `net` that is quicker, and the numbers it computes in. Where its vectors are not those of `net`, `net` itself.

    Args:
        net: in evaluation mode, on its device.
        known: (n, 3, side, side) float32, what is tried.
        plain: (n, dim), the vectors that `net` gives.
        exact: in float32 whatever is fast.
    """
    if next(net.parameters(), None) is None:  # what it computes is not torch's
        return net, torch.float32
    types = (torch.bfloat16, torch.float32) if not exact and bf16_is_fast(known.device) else (torch.float32,)
    for dtype in types:
        quick = folded(net).to(dtype).to(memory_format=torch.channels_last)
        try:
            with torch.inference_mode():
                near = F.cosine_similarity(quick(known.to(dtype)).float(), plain).min()
        except RuntimeError:  # a network that makes numbers of its own type on the way cannot be had in another: it stays as it is
            continue
        if near >= NEAR:  # false also when it is no number
            return quick, dtype
    return net, torch.float32


def crew(net: nn.Module, device: torch.device) -> ThreadPoolExecutor | None:
    """Threads that compute a part of a batch each, with one thread of torch's in each; None where a batch is better computed whole.

    Layers shared out among torch's own threads wait for one another at each layer's end. On two cores beside other work pictures shared out
    took half the time and less than half of the processor's.
    """
    count = torch.get_num_threads()
    if device.type != "cpu" or count == 1 or next(net.parameters(), None) is None:
        return None
    begun = threading.Barrier(count + 1)

    def begin() -> None:
        step_back(NO_HURRY)
        torch.get_num_threads()  # a thread takes the process's number when it first asks; from here on it has its own
        torch.set_num_threads(1)
        begun.wait()

    pool = ThreadPoolExecutor(count, thread_name_prefix="embed")
    for _ in range(count):
        pool.submit(begin)
    begun.wait()
    torch.set_num_threads(count)  # what threads that begin later take
    return pool


def folded(net: nn.Module) -> nn.Module:
    """A copy in which each batch norm that follows a convolution in an nn.Sequential is part of it."""
    net = copy.deepcopy(net)
    for layers in [module for module in net.modules() if isinstance(module, nn.Sequential)]:
        for at in range(len(layers) - 1):
            convolution, norm = layers[at], layers[at + 1]
            if isinstance(convolution, nn.Conv2d) and type(norm) is nn.BatchNorm2d and norm.running_var is not None:
                layers[at], layers[at + 1] = fuse_conv_bn_eval(convolution, norm), nn.Identity()
    return net


def bf16_is_fast(device: torch.device, cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether a device has instructions for bf16. Of a CPU Linux says so; elsewhere it is not assumed."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu" or not cpuinfo.is_file():
        return False
    flags = next((line for line in cpuinfo.read_text().splitlines() if line.startswith("flags")), "")
    return bool(FAST_IN_BF16 & set(flags.split()))
