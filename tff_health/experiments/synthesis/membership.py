"""Membership inference against generators, from their synthetic rows alone, and what results.json says of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from data.errors import DataError
from data.federation import Federation
from tff_health.experiments.membership_attack import membership_document, membership_documents
from tff_health.experiments.synthesis.fitting import Part
from tff_health.privacy.generator_attacks.attacks import DEFAULT_ATTACKS, own_generator_attacks
from tff_health.privacy.generator_attacks.control import run_generator_control
from tff_health.privacy.generator_attacks.inference import FEWEST, run_generator_attacks
from tff_health.runtime.seeds import generator

_RESAMPLES = 300


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
    members = part.at_hand
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
        attacks=(*DEFAULT_ATTACKS, *(attack.name for attack in own_generator_attacks())),
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
