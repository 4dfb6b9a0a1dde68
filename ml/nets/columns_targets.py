"""What the columns learn where nobody named attributes: facts and changes made of the photographs themselves.

Every function is on batches of tensors, on any device. Changes draw from `generator`, or from torch's own where it is
None, on the CPU: the same on every machine.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from ml.nets.columns_views import CHROMA


def chance(n: int, count: int, like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Uniform numbers (n, count) in 0-1."""
    return torch.rand(n, count, generator=generator).to(like.device)


def colourfulness(colours: Tensor) -> Tensor:
    """(n, 3, s, s) -> (n,): Hasler, Suesstrunk (2003), Measuring colourfulness in natural images, their CIELAB measure.

    Spread of (a, b) + .37 x distance of their mean from grey; here in hundreds.
    """
    ab = colours[:, 1:].flatten(2) * CHROMA
    spread = ab.var(2, correction=0).sum(1).clamp_min(0).sqrt()
    return (spread + 0.37 * ab.mean(2).norm(dim=1)) / 100


# Sectors of hue as (middle, width) in degrees: i, V, L, I, T, Y, X of Cohen-Or, Sorkine, Gal, Leyvand, Xu (2006), Color
# Harmonization, SIGGRAPH, after Matsuda
TEMPLATES = (
    ((0, 18),),
    ((0, 93.6),),
    ((0, 18), (90, 79.2)),
    ((0, 18), (180, 18)),
    ((0, 180),),
    ((0, 93.6), (180, 18)),
    ((0, 93.6), (180, 93.6)),
)
HUES = 36


def _hue_distances() -> Tensor:
    """(templates, turns, hues): how far each hue is from the nearest sector of each turned template, radians."""
    hues = torch.arange(HUES) * (360 / HUES)
    tables = []
    for sectors in TEMPLATES:
        turned = []
        for turn in hues:
            apart = [((hues - turn - middle + 180) % 360 - 180).abs() - width / 2 for middle, width in sectors]
            turned.append(torch.stack(apart).amin(0).clamp_min(0))
        tables.append(torch.stack(turned))
    return torch.stack(tables) * (math.pi / 180)


def hue_distance(colours: Tensor) -> Tensor:
    """(n, 3, s, s) -> (n,): mean distance of hues, weighted by chroma, from the templates of harmony, each well turned.

    Ours: the mean over all templates, since the widest alone fits nearly all.
    """
    a, b = colours[:, 1:].flatten(2).unbind(1)
    place = (torch.atan2(b, a) / (2 * math.pi) * HUES).round().long() % HUES
    weights = colours.new_zeros(len(colours), HUES).scatter_add_(1, place, (a**2 + b**2).sqrt() + 1e-6)
    distance = torch.einsum("nh,kth->nkt", weights / weights.sum(1, keepdim=True), _hue_distances().to(colours.device))
    return distance.amin(2).mean(1)


def relit(light: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """Another gamma and exposure: (n, 1, s, s) -> the same, and (n, 2) which: powers of two in -1..1."""
    shift = chance(len(light), 2, light, generator) * 2 - 1
    gamma, gain = (2 ** shift[:, place, None, None, None] for place in (0, 1))
    return (light.clamp_min(0) ** gamma * gain).clamp(0, 1), shift


def worsened(patches: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """Blur, noise, compression, as a camera adds them: (n, p, s, s) -> the same, and (n, 3) how much of each, 0-1."""
    amount = chance(len(patches), 3, patches, generator)
    blurred = blur(patches, 0.05 + 2.95 * amount[:, 0])
    noise = torch.randn(patches.shape, generator=generator).to(patches.device)
    noisy = (blurred + 0.1 * amount[:, 1, None, None, None] * noise).clamp(0, 1)
    return compressed(noisy, 95 - 85 * amount[:, 2]), amount


def blur(patches: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur of (n, p, s, s), each photograph by its sigma (n,) in pixels."""
    n, count = patches.shape[:2]
    steps = torch.arange(-9, 10, device=patches.device)
    kernel = torch.exp(-(steps**2) / (2 * sigma[:, None] ** 2))
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(count, 0)[:, None]  # (n * p, 1, 19)
    flat = functional.pad(patches.flatten(0, 1)[None], (9, 9, 9, 9), mode="reflect")
    across = functional.conv2d(flat, kernel[:, :, None, :], groups=n * count)
    return functional.conv2d(across, kernel[..., None], groups=n * count)[0].unflatten(0, (n, count))


# JPEG's table for lightness (ITU-T T.81, annex K)
TABLE = torch.tensor(
    [
        [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55], [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62], [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=torch.float32,
)  # fmt: skip


def compressed(patches: Tensor, quality: Tensor) -> Tensor:
    """What JPEG loses: (n, p, s, s) in 0-1 by quality (n,) 1-100. 8x8 cosine transform, rounded, and back."""
    k = torch.arange(8, device=patches.device, dtype=patches.dtype)
    basis = torch.cos((2 * k + 1) * k[:, None] * math.pi / 16) / 2
    basis[0] /= math.sqrt(2)
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality) / 100
    table = (
        (TABLE.to(patches.device) * scale[:, None, None]).round().clamp(1, 255)[:, None, None, None]
    )  # per photograph
    blocks = (patches * 255 - 128).unflatten(3, (-1, 8)).unflatten(2, (-1, 8)).transpose(3, 4)  # (n, p, y, x, 8, 8)
    found = ((basis @ blocks @ basis.T) / table).round() * table
    back = (basis.T @ found @ basis).transpose(3, 4).flatten(4, 5).flatten(2, 3)
    return ((back + 128) / 255).clamp(0, 1)


def part_of(planes: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """Three quarters of the picture: (n, 4, s, s) -> the same shape, and (n, 3): where it was cut (-1..1), likeness.

    x and y stay those of the new picture, or they would tell. Likeness: correlation of edges with their mirror image.
    """
    n, _, side, _ = planes.shape
    shift = chance(n, 2, planes, generator) * 2 - 1
    move = planes.new_zeros(n, 2, 3)
    move[:, 0, 0] = move[:, 1, 1] = 0.75
    move[:, :, 2] = shift * 0.25
    grid = functional.affine_grid(move, [n, 2, side, side], align_corners=False)
    cut = functional.grid_sample(planes[:, :2], grid, padding_mode="border", align_corners=False)
    likeness = functional.cosine_similarity(*_halves(cut[:, 1]), dim=1)
    return torch.cat([cut, planes[:, 2:]], 1), torch.cat([shift, likeness[:, None]], 1)


def _halves(edges: Tensor) -> tuple[Tensor, Tensor]:
    """Edges and their mirror image (n, s * s), less their means."""
    flat = edges.flatten(1) - edges.mean((1, 2))[:, None]
    return flat, flat.unflatten(1, edges.shape[1:]).flip(2).flatten(1)
