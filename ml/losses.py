"""Losses by their papers' definitions, and what a task's logits mean."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

TINY = 1e-12  # the square root of 0 has an infinite gradient


def euclidean(said: Tensor, truth: Tensor) -> Tensor:
    """Caffe's Euclidean loss, sum of squares / (2 n), over the n rows whose truth is known (not NaN); 0 where none is.

    Several columns (n, k) are k losses, summed, each over the rows that know it.
    """
    known = torch.isfinite(truth)
    apart = torch.where(known, said - truth.nan_to_num(), 0.0) ** 2
    return (apart.sum(0) / (2 * known.sum(0).clamp(min=1))).sum()


def emd(said: Tensor, truth: Tensor, power: int = 2) -> Tensor:
    """Earth mover's distance of distributions (n, bins): the mean over n of (mean_k |CDF - CDF|^r)^(1/r).

    Talebi, Milanfar (2018), NIMA, arXiv 1709.05424, equation 1: r = 2 to train, r = 1 to report.
    """
    apart = (said.cumsum(1) - truth.cumsum(1)).abs() ** power
    return ((apart.mean(1) + TINY) ** (1 / power)).mean()


def cross_entropy(logits: Tensor, label: Tensor) -> Tensor:
    """Mean cross-entropy over rows whose label is known (not -1); 0 where none is."""
    if not (label >= 0).any():
        return logits.sum() * 0
    return functional.cross_entropy(logits, label, ignore_index=-1)


def of_task(task: str, logits: Tensor, known: Mapping[str, Tensor]) -> Tensor:
    """The plain loss of a task: Euclidean for a score, EMD for a distribution, else cross-entropy."""
    if task == "score":
        return euclidean(logits[:, 0], known["score"])
    if task == "distribution":
        has = torch.isfinite(known["distribution"]).all(1)
        return emd(torch.softmax(logits[has], 1), known["distribution"][has]) if has.any() else logits.sum() * 0
    return cross_entropy(logits, known["label"])


def answer(task: str, logits: Tensor) -> dict[str, Tensor]:
    """What logits (n, outputs) say: {"score": (n,)}, {"distribution": (n, 10)} or {"probabilities": (n, classes)}."""
    if task == "score":
        return {"score": logits[:, 0]}
    if task == "distribution":
        return {"distribution": torch.softmax(logits, 1)}
    return {"probabilities": torch.softmax(logits, 1)}
