"""Metrics by their field's names; scipy and scikit-learn underneath. NaN where a figure is not defined."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from sklearn import metrics


def pearson(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Pearson's product-moment correlation r (PLCC, without a fitted curve)."""
    return _correlation(stats.pearsonr, truth, predicted)


def spearman(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Spearman's rank correlation rho (SRCC), ties given their average rank."""
    return _correlation(stats.spearmanr, truth, predicted)


def _correlation(kind: Any, truth: ArrayLike, predicted: ArrayLike) -> float:
    a, b = np.asarray(truth, float), np.asarray(predicted, float)
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(kind(a, b)[0])


def auc(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Area under the ROC curve; the larger of truth's two values is the positive class."""
    labels = np.asarray(truth)
    if len(np.unique(labels)) != 2:
        return float("nan")
    return float(metrics.roc_auc_score(labels == labels.max(), predicted))


def accuracy(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Share of labels that are met (top-1 accuracy)."""
    a = np.asarray(truth)
    return float(metrics.accuracy_score(a, predicted)) if len(a) else float("nan")


def balanced_accuracy(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Mean recall over the classes that occur in truth (macro-averaged recall)."""
    a, b = np.asarray(truth), np.asarray(predicted)
    return float(np.mean([np.mean(b[a == label] == label) for label in np.unique(a)])) if len(a) else float("nan")


def majority_share(truth: ArrayLike) -> float:
    """Accuracy of always answering the most frequent class."""
    a = np.asarray(truth)
    return float(np.unique(a, return_counts=True)[1].max() / len(a)) if len(a) else float("nan")


def confusion_matrix(truth: ArrayLike, predicted: ArrayLike, labels: ArrayLike) -> NDArray[np.int64]:
    """Counts (truth in rows, prediction in columns), in the order of `labels`."""
    return metrics.confusion_matrix(truth, predicted, labels=labels)
