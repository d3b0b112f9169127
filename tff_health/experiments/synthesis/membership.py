"""Membership inference against generators, from their synthetic rows alone, and what results.json says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from data.errors import DataError
from data.federation import Federation
from tff_health.evaluation.t_interval import t_interval
from tff_health.experiments.membership_attack import membership_document, membership_documents
from tff_health.experiments.synthesis.fitting import Part
from tff_health.privacy.generator_attacks.attacks import DEFAULT_ATTACKS
from tff_health.privacy.generator_attacks.control import run_generator_control
from tff_health.privacy.generator_attacks.inference import FEWEST, run_generator_attacks
from tff_health.reporting.document import Metric
from tff_health.reporting.privacy_document import MembershipAttack
from tff_health.runtime.seeds import generator

_RESAMPLES = 300
# Each figure's range ends at 1 and begins here; an advantage is a difference of two rates.
_LOWEST = {"auc": 0.0, "auc_pooled": 0.0, "tpr_at_1pct_fpr": 0.0, "advantage": -1.0}


def membership_attacks(
    federation: Federation, table: pd.DataFrame, part: Part, *, seed: int
) -> tuple[dict[str, Any], str]:
    """Attacks on one synthetic table.

    Args:
        federation: one split; its held-out rows are the non-members.
        table: synthetic rows.
        part: whose rows the generator was fitted on: the members.
        seed: of folds and resamples.

    Returns:
        JSON values by attack, and an empty note; no attack, and a note that says why, where the hospitals that trained
        hold out too few patients to compare with.
    """
    schema = federation.schema
    members = np.concatenate(part.matrices)
    scored = [hospital for hospital in federation.scored if hospital.name in part.hospitals]
    held_out = sum(len(hospital.test) for hospital in scored)
    if held_out < FEWEST:
        who = f"{part.name} holds" if part.name else "the hospitals that trained hold"
        return {}, f"No membership attack was run: it takes {FEWEST} held-out patients, and {who} out {held_out}."
    others = np.concatenate([schema.encode(hospital.test) for hospital in scored])
    result = run_generator_attacks(
        schema,
        members,
        others,
        schema.encode(table),
        member_hospitals=np.repeat(part.hospitals, part.sizes),
        non_member_hospitals=np.repeat([hospital.name for hospital in scored], [len(h.test) for h in scored]),
        rng=generator(seed, "membership"),
        resamples=_RESAMPLES,
        permutations=_RESAMPLES,
    )
    return {name: attack.model_dump(mode="json") for name, attack in membership_documents(result).items()}, ""


def attack_control(federation: Federation, seed: int) -> dict[str, Any]:
    """The same attacks on a table that learnt some of these patients by heart, which they must find out."""
    schema = federation.schema
    rows = np.concatenate([schema.encode(hospital.train) for hospital in federation.members])
    names = np.repeat([h.name for h in federation.members], [len(h.train) for h in federation.members])
    try:
        control = run_generator_control(schema, rows, names, seed)
    except DataError:  # too few patients for a control
        return {}
    found = {"overfitted": control.overfitted, "unseen": control.unseen}
    return {
        name: membership_document(result.headline, result, control.statement).model_dump(mode="json")
        for name, result in found.items()
    }


def merged_attacks(documents: Sequence[Mapping[str, Any]]) -> dict[str, MembershipAttack]:
    """Each attack over all splits: means with t intervals; the interval within where there is one split."""
    by_split = [
        {name: MembershipAttack.model_validate(entry) for name, entry in found.items()} for found in documents if found
    ]
    if not by_split:
        return {}
    merged = {}
    for name in by_split[0]:
        found = [split[name] for split in by_split if name in split]
        first = found[0]
        merged[name] = first.model_copy(
            update={field: _mean([getattr(one, field) for one in found], lowest) for field, lowest in _LOWEST.items()}
            | ({"note": f"Mean of {len(found)} splits; in the first: {first.note}"} if len(found) > 1 else {})
        )
    return merged


def membership_metrics(attacks: Mapping[str, MembershipAttack]) -> dict[str, Metric]:
    """The headline attack's figures under their names in results.json."""
    if DEFAULT_ATTACKS[0] not in attacks:
        return {}
    headline = attacks[DEFAULT_ATTACKS[0]]
    return {"membership/auc": headline.auc, "membership/tpr_at_1pct_fpr": headline.tpr_at_1pct_fpr}


def _mean(metrics: Sequence[Metric], lowest: float) -> Metric:
    """The mean with its t interval, which does not know that the values lie between `lowest` and 1."""
    if len(metrics) == 1:
        return metrics[0]
    mean = t_interval(metric.value for metric in metrics)
    low, high = (None if end is None else min(max(end, lowest), 1.0) for end in (mean.low, mean.high))
    return Metric(value=mean.value, low=low, high=high, n=metrics[0].n, seeds=[metric.value for metric in metrics])
