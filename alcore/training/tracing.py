"""A round's model with all that comes before it as one network, and that network as an ONNX file. Knows no project.

The `onnx` package is optional.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alcore.errors import AlcoreError
from alcore.nets.models import evaluating
from alcore.strategies.base import Strategy
from alcore.training.roundfiles import NEVER, columns_of

INPUT, OUTPUT = "images", "probabilities"
OPSET = 17  # of 2022: every runtime that people still have reads it


class Whole(nn.Module):
    """Pixels to probabilities: normalization, frozen network, vectors of length 1, the round's task model, softmax.

    Args:
        net: the frozen network, normalized (B, 3, side, side) to (B, dim).
        mean, std: what it is normalized by, a number a channel.
        strategy: of a round on vectors.
        temperature: what logits are divided by.
        places: as of RoundFiles.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        net: nn.Module,
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
        strategy: Strategy,
        temperature: float,
        places: tuple[int, ...] = (),
    ) -> None:
        super().__init__()
        self.net, self.strategy, self.temperature = net, strategy, temperature
        self.columns = columns_of(places, strategy.task.classes)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, side, side) of 0...1 to (B, K)."""
        vectors = F.normalize(self.net((images - self.mean) / self.std), dim=1)
        logits = self.strategy.predict(vectors)
        if self.columns:
            nothing = torch.full_like(logits[:, 0], -NEVER)
            logits = torch.stack([torch.logsumexp(logits[:, some], 1) if some else nothing for some in self.columns], 1)
        return (logits / self.temperature).softmax(1)


def write_onnx(whole: Whole, side: int, metadata: Mapping[str, str], path: Path) -> None:
    """The network as an ONNX file: input `images` float32 (N, 3, side, side), output `probabilities` (N, K), any N.

    Raises:
        AlcoreError: a part of the network cannot be traced, or is too large for one file.
    """
    import onnx  # optional: who calls says so where it is missing

    example = torch.rand((2, 3, side, side), generator=torch.Generator().manual_seed(0))
    try:
        with _traced(whole):  # the older exporter: the newer one needs another package
            torch.onnx.export(
                whole,
                (example,),
                path,
                dynamo=False,
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_axes={INPUT: {0: "n"}, OUTPUT: {0: "n"}},
            )
        model = onnx.load(path)
        for key, value in metadata.items():
            entry = model.metadata_props.add()
            entry.key, entry.value = key, value
        onnx.save(model, path)
    except OSError:  # the disk's fault, not the network's
        raise
    except Exception as wrong:  # the exporter's own errors, torch's and protobuf's have no base in common
        raise AlcoreError(f"this network cannot be written as ONNX ({wrong}): train a round with extractor=lite0") from wrong


@contextmanager
def _traced(whole: Whole) -> Iterator[None]:
    """What torch's older exporter needs around it."""
    fast, loud, log = torch.backends.mha.get_fastpath_enabled(), torch._C._jit_is_onnx_log_enabled(), torch._C._jit_set_onnx_log_enabled
    torch.backends.mha.set_fastpath_enabled(False)  # attention in one piece has no counterpart in ONNX
    log(False)  # where it fails it would print a whole graph on stdout, and it always switches that on
    torch._C._jit_set_onnx_log_enabled = lambda enabled: None
    try:
        with warnings.catch_warnings(), evaluating(whole), torch.inference_mode(False), torch.no_grad():
            warnings.simplefilter("ignore")  # that this exporter is the older one, and that sides become constants, which they are
            yield
    finally:
        torch._C._jit_set_onnx_log_enabled = log
        log(loud)
        torch.backends.mha.set_fastpath_enabled(fast)
