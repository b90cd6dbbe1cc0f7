"""Networks beside the backbone: heads, discriminator, VAE, gradient reversal, and what must not leak. Knows torch and convolution."""

from __future__ import annotations

import ctypes
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alcore.nets.convolution import StridedConv2d


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, eta: float) -> Tensor:
        ctx.eta = eta
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return -ctx.eta * grads[0], None


def reverse_gradient(x: Tensor, eta: float = 1.0) -> Tensor:
    """Identity forward, gradient times -eta backward (Ganin & Lempitsky 2015; MME's grad_reverse)."""
    result: Tensor = _Reversal.apply(x, eta)
    return result


# ---- heads


class CosineHead(nn.Module):
    """MAL's classifier C (Eq. 1): logits = W^T normalized(h) / T, prototypes W without bias. On maps it stands at every place alike.

    Args:
        features: d, the backbone's width.
        classes: K.
        form: "mme_deep" puts a Linear(d, hidden) without activation before the norm (methods 1.1: what the paper's parameter counts force);
            "single" is Eq. 1 to the letter; "norm_w" is mme_deep with the prototypes normalized too.
        temperature: T.
    """

    def __init__(self, features: int, classes: int, *, form: str = "mme_deep", hidden: int = 256, temperature: float = 0.05) -> None:
        super().__init__()
        if form not in ("mme_deep", "single", "norm_w"):
            raise ValueError(f"unknown form {form!r}")
        self.form, self.temperature = form, temperature
        self.hidden: nn.Module = nn.Identity() if form == "single" else nn.Linear(features, hidden)
        self.prototypes = nn.Linear(features if form == "single" else hidden, classes, bias=False)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_normal_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor, *, eta: float | None = None) -> Tensor:
        """Logits (B, K, *S) of features (B, d, *S). With `eta` the gradient is reversed between hidden layer and norm, as in MME."""
        with torch.autocast(features.device.type, enabled=False):  # divided by T = 0.05, bf16's rounding would be 0.04 of a logit
            last = features.dim() - 1  # not -1: torch's writer of ONNX does not know it here
            h = self.hidden(features.float().movedim(1, last))  # (B, *S, d)
            if eta is not None:
                h = reverse_gradient(h, eta)
            w = F.normalize(self.prototypes.weight, dim=1) if self.form == "norm_w" else self.prototypes.weight
            return (F.linear(F.normalize(h, dim=-1), w) / self.temperature).movedim(last, 1)


def linear_weight(head: nn.Module) -> Tensor:
    """(K, d) what a head multiplies an embedding with: its weight, or for cosines, whose embeddings have length 1, the prototypes over T.

    Raises:
        TypeError: its logits are no linear function of the embedding.
    """
    if isinstance(head, nn.Linear):
        return head.weight
    if isinstance(head, CosineHead) and head.form == "single":
        return head.prototypes.weight / head.temperature
    raise TypeError(f"a linear head is wanted, not {type(head).__name__}")


class Discriminator(nn.Module):
    """MAL's D (Eq. 3) and VAAL's: d -> 512 -> 512 -> 1, ReLU; returns the logit of "labeled". The caller normalizes and detaches.

    Args:
        features: d.
        depth: hidden layers; SRAAL has four.
    """

    def __init__(self, features: int, hidden: int = 512, depth: int = 2) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for at in range(depth):
            layers += [nn.Linear(features if at == 0 else hidden, hidden), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Linear(hidden, 1))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.layers(x).squeeze(1)  # (B,)
        return result


class MapDiscriminator(nn.Module):
    """MAL's D on a feature map (B, d, h, w): three convolutions of stride 2, the mean over space, one number. MAL 3.2 gives no widths.

    Args:
        features: d.
    """

    def __init__(self, features: int, widths: Sequence[int] = (128, 64, 32)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, out in zip((features, *widths), widths, strict=False):
            layers += [StridedConv2d(before, out, 3, 2, 1), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers)
        self.last = nn.Linear(widths[-1], 1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.last(self.layers(x).mean(dim=(2, 3))).squeeze(1)  # (B,)
        return result


class LossModule(nn.Module):
    """Learning Loss's prediction of an image's loss (Yoo & Kweon 2019, Fig. 2): each block's map -> mean over space -> FC -> ReLU, all
    of them side by side -> FC -> one number.

    Args:
        widths: channels of the blocks' maps.
        width: of each block's FC.
    """

    def __init__(self, widths: Sequence[int], width: int = 128) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.Linear(channels, width) for channels in widths)
        self.last = nn.Linear(width * len(widths), 1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """(B,) predicted losses."""
        means = [m.flatten(2).mean(2) if m.dim() > 2 else m for m in maps]  # what a vector makes has no places
        read = [F.relu(layer(m)) for layer, m in zip(self.blocks, means, strict=True)]
        result: Tensor = self.last(torch.cat(read, dim=1)).squeeze(1)
        return result


class VAE(nn.Module):
    """VAAL's beta-VAE (Sinha, Ebrahimi & Darrell 2019): convolutions of stride 2 down to 2x2, a Gaussian latent, and the way back.

    Args:
        size: side of the images; the VAE works at the largest power of two of 8 ... 32 that is not larger.
        latent: dimensions of z.
        width: channels of the first convolution, doubled by each next one; 128 is the paper's.
        decoded: how many of the latent dimensions the decoder reads; all when None (SRAAL's reads half).
    """

    def __init__(self, size: int = 32, latent: int = 32, width: int = 128, decoded: int | None = None) -> None:
        super().__init__()
        self.side = 8 if size < 16 else 16 if size < 32 else 32
        self.decoded = latent if decoded is None else decoded
        widths = [width * 2**level for level in range(self.side.bit_length() - 2)]  # 32 -> 4 levels
        encoder: list[nn.Module] = []
        before = 3
        for channels in widths:
            encoder += [nn.Conv2d(before, channels, 4, 2, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
            before = channels
        self.encoder = nn.Sequential(*encoder, nn.Flatten())
        self.mu = nn.Linear(before * 2 * 2, latent)
        self.log_variance = nn.Linear(before * 2 * 2, latent)
        self.first = nn.Linear(self.decoded, before * 4 * 4)
        decoder: list[nn.Module] = [nn.Unflatten(1, (before, 4, 4))]
        for channels in reversed(widths[:-1]):
            decoder += [nn.ConvTranspose2d(before, channels, 4, 2, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
            before = channels
        # the first map is 4x4 already, so one level less is left to double, and the last layer only makes colors of it
        self.decoder = nn.Sequential(*decoder, nn.ConvTranspose2d(before, 3, 1))
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
                nn.init.kaiming_normal_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def resized(self, x: Tensor) -> Tensor:
        """The images (B, 3, H, W) at the side the VAE works at."""
        return x if x.shape[-1] == self.side else F.interpolate(x, self.side, mode="bilinear", antialias=True)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance (B, latent) of the images' latent Gaussian."""
        h = self.encoder(self.resized(x))
        return self.mu(h), self.log_variance(h)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """The images as seen, their reconstruction, mean, log variance and z, which is drawn from the global generator."""
        x = self.resized(x)
        mu, log_variance = self.encode(x)
        z = mu + (0.5 * log_variance).exp() * torch.randn_like(mu)
        return x, self.decoder(self.first(z[:, : self.decoded])), mu, log_variance, z


class VectorVAE(nn.Module):
    """The same for vectors (B, d): one hidden layer each way.

    Args:
        latent, decoded: as VAE's.
    """

    def __init__(self, features: int, latent: int = 32, hidden: int = 512, decoded: int | None = None) -> None:
        super().__init__()
        self.decoded = latent if decoded is None else decoded
        self.encoder = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(inplace=True))
        self.mu, self.log_variance = nn.Linear(hidden, latent), nn.Linear(hidden, latent)
        self.decoder = nn.Sequential(nn.Linear(self.decoded, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, features))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance (B, latent)."""
        h = self.encoder(x)
        return self.mu(h), self.log_variance(h)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """As VAE's."""
        mu, log_variance = self.encode(x)
        z = mu + (0.5 * log_variance).exp() * torch.randn_like(mu)
        return x, self.decoder(z[:, : self.decoded]), mu, log_variance, z


def gaussian_kl(mu: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mu, variance) || N(0, 1)) of each dimension, (B, latent), 0 for mu = 0 and log variance 0."""
    return 0.5 * (mu.square() + log_variance.exp() - 1 - log_variance)


def upsampled(maps: Tensor, side: int) -> Tensor:
    """(B, K, h, w) to (B, K, side, side) in fp32: DRN's fixed bilinear ConvTranspose2d (kernel 2 f, stride f, padding f / 2), cut to size.

    f is the power of two that the map is smaller by. Beyond the map's edge is 0, as in DRN's layer. Two products with a small matrix are
    quicker than the grouped convolution on a CPU, and have no weights that a state dict would have to carry.
    """
    h, w = maps.shape[2:]
    with torch.autocast(maps.device.type, enabled=False):
        return _bilinear(h, side, maps.device) @ maps.float() @ _bilinear(w, side, maps.device).T


def _bilinear(places: int, side: int, device: torch.device) -> Tensor:
    """(side, places): how much each place of a row weighs in each pixel of the enlarged one."""
    factor = 2 ** math.ceil(math.log2(side / places))
    at = (torch.arange(side, device=device)[:, None] + 0.5) / factor - 0.5
    result: Tensor = (1 - (at - torch.arange(places, device=device)[None]).abs()).clamp_min(0)
    return result


# ---- what must not leak


@contextmanager
def unchanged_statistics(net: nn.Module) -> Iterator[None]:
    """Inside, batch norm normalizes by the batch but records nothing: unlabeled images leave no trace in the task model."""
    layers = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True


@contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """Evaluation mode and no gradients inside; the mode comes back afterwards, also after an error."""
    before = net.training
    net.eval()
    try:
        # TensorFloat-32 keeps ten bits of a product: enough to train, not to rank near ties
        cudnn = torch.backends.cudnn  # `flags` resets what it is not told
        now = {"enabled": cudnn.enabled, "benchmark": cudnn.benchmark, "deterministic": cudnn.deterministic}
        with torch.inference_mode(), cudnn.flags(**now, allow_tf32=False):
            yield
    finally:
        net.train(before)


@contextmanager
def kept_memory(device: torch.device) -> Iterator[None]:
    """Inside, glibc keeps the memory that one step frees for the next one; given back, the kernel zeroes it again at every step, which
    took a sixth of the CPU time of training at 64x64. Afterwards it is given back. Elsewhere than on glibc nothing happens."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" and device.type == "cpu" else None
    if libc is None or not hasattr(libc, "mallopt"):
        yield
        return
    m_trim_threshold, m_mmap_threshold = -1, -3  # malloc.h
    libc.mallopt(m_mmap_threshold, 1 << 30)
    libc.mallopt(m_trim_threshold, 2**31 - 1)
    try:
        yield
    finally:
        libc.mallopt(m_mmap_threshold, 128 << 10)
        libc.mallopt(m_trim_threshold, 128 << 10)
        libc.malloc_trim(0)
