"""`cause_of`: which kind of difference it is when two plans differ in a field."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import get_args

from .result import Cause

CAUSES: tuple[Cause, ...] = get_args(Cause)


def _by_name(names: Mapping[Cause, str]) -> Mapping[str, Cause]:
    """The cause of each name, of the names of each cause."""
    return MappingProxyType({name: cause for cause, text in names.items() for name in text.split()})


PARAMETERS = _by_name(
    {
        "formula": """
            activation distance error from_log_probabilities from_logits from_probabilities full link linear
            log_input log_target max_function negative_target_is_zero of_product reduce squared symmetric
            without_self
        """,
        "denominator": """
            counts_batch least_labels normalization normalized per_label per_sample
        """,
        "axis": "axes axis batch_axis flatten inputs_first",
        "clamp": """
            clip epsilon floor log_epsilon log_floor log_unfinished log_zero probability_floor root_epsilon
            squared_epsilon zero_infinity
        """,
        "smoothing": "label_smoothing smoothing smoothing_axis",
        "subgradient": """
            fast_emission gradient_at_zero gradient_floor gradient_of_distribution gradient_of_softmax
            gradient_per_frame gradient_scale times_output variance_gradient
        """,
        "weights": "alpha coefficient false_negative_weight false_positive_weight",
        "output shape": "keepdims output probabilities single_class",
        "label encoding": """
            blank classes cutoffs num_true other_labels padding
        """,
        "ignored labels": """
            ignored_class ignored_label leaves_out_ignored nan_if_absent skip_first threshold
        """,
        "parameter": """
            angle_factor angle_margin beta collapse_repeated cosine_margin count_missing_nodes delta gamma
            margin merge_repeated offset p q regularization remove_accidental_hits scale signed swap
            temperature vectorized
        """,
    }
)
"""The cause of each parameter of a formula, by its name."""

LAYOUT = _by_name(
    {
        "input shape": """
            any_shape axes drops_axis keeps_axis levels_ranks like merged rows shape squeezes unread_beside
        """,
        "label encoding": "binary classes from_end index one_hot out_of_range signed to_signs",
        "output shape": "always_batched",
        "subgradient": "detached",
        "dtype": "any_dtype compared promotes",
        "refused inputs": "limit lowest_index same_rank sums_to_one within",
    }
)
"""The cause of each field of `Layout` that is compared."""

WEIGHTING = _by_name(
    {
        "weights": "broadcast expands scale selects squeezes",
        "ignored labels": "hides_ignored ignored_label only_positive",
        "refused inputs": "labels_only",
    }
)
"""The cause of each field of `Weighting`."""

REDUCTION = _by_name(
    {
        "reduction": "kind",
        "axis": "axis kept_axis",
        "output shape": "shape",
        "denominator": "over_nothing counts_ignored",
    }
)
"""The cause of each field of `Reduction`."""

PLAN = _by_name(
    {
        "formula": "spec candidates",
        "weights": "constants",
        "input shape": "unbatched",
        "dtype": "dtype",
    }
)
"""The cause of each field of `Plan` that has no fields of its own."""

_DENOMINATORS = ("mean", "weighted_mean", "given_weight_mean", "valid_mean", "nonzero_mean", "batch_mean")


def cause_of(field: str, first: object = None, second: object = None) -> Cause:
    """Which kind of difference it is when two plans differ in a field.

    Parameters
    ----------
    field : where in the plan, as `plan_differences` names it
    first, second : what either plan says, where that is known: two kinds of mean differ in the denominator

    Returns
    -------
    Cause

    Raises
    ------
    KeyError
        If plans have no such field.

    Examples
    --------
    >>> from unified_loss.porting.causes import cause_of
    >>> cause_of("parameters.log_floor"), cause_of("layouts.target.signed")
    ('clamp', 'label encoding')
    >>> cause_of("reduction.kind", "mean", "sum"), cause_of("reduction.kind", "mean", "valid_mean")
    ('reduction', 'denominator')
    """
    if field == "reduction.kind" and first in _DENOMINATORS and second in _DENOMINATORS:
        return "denominator"
    head, _, rest = field.partition(".")
    tables = {
        "parameters": PARAMETERS,
        "layouts": LAYOUT,
        "weighting": WEIGHTING,
        "inner": REDUCTION,
        "reduction": REDUCTION,
    }
    return tables[head][rest.rpartition(".")[2]] if rest else PLAN[head]
