"""The attacks' own control: a synthetic table that they must catch, and one that they must not.

An attack that finds nothing proves little unless it is seen to find something. So, on rows of the very dataset, a
table is made of a few patients' rows with some noise, as a generator that learnt them by heart would make it. The
attacks must tell them from held-out patients. A second such table is made of other patients; for it the same
members and non-members are all strangers, and no attack may tell them apart.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from data.errors import DataError
from data.schema import Schema
from tff_health.privacy.generator_attacks.inference import run_generator_attacks
from tff_health.privacy.membership.auc import LEVEL
from tff_health.privacy.membership.control import STRICT_LEVEL, MembershipControl
from tff_health.runtime.seeds import generator

MOST_PATIENTS = 60
FEWEST_PATIENTS = 12
NUMBER_NOISE = 0.02
CODE_NOISE = 0.05
_ROWS = 500
_RESAMPLES = 300


def memorising_table(
    schema: Schema,
    patients: np.ndarray,
    rows: int,
    rng: np.random.Generator,
    *,
    number_noise: float = NUMBER_NOISE,
    code_noise: float = CODE_NOISE,
) -> np.ndarray:
    """Synthetic rows of a generator that learnt its patients by heart: rows drawn from theirs, with noise.

    Args:
        schema: of the rows.
        patients: as `Schema.encode` gives them, [patients, columns], 1 or more.
        rows: how many.
        rng: source of the draws.
        number_noise: standard deviation of the noise on numbers, over the public range's width.
        code_noise: probability that a code is replaced by a random one.

    Returns:
        float64 [rows, columns]: within bounds, whole where integer, missing where the patient's cell is.
    """
    table = patients[rng.integers(len(patients), size=rows)].astype(np.float64)
    for index, column in enumerate(schema.columns):
        present = ~np.isnan(table[:, index])
        if column.is_numeric:
            assert column.bounds is not None
            low, high = column.bounds
            values = table[:, index] + rng.normal(scale=number_noise * (high - low), size=rows)
            table[:, index] = np.clip(np.round(values) if column.kind == "integer" else values, low, high)
        else:
            codes = rng.integers(len(column.codes), size=rows)
            table[:, index] = np.where(present & (rng.random(rows) < code_noise), codes, table[:, index])
    return table


def run_generator_control(
    schema: Schema, rows: np.ndarray, hospitals: npt.ArrayLike, seed: int, *, patients: int = MOST_PATIENTS
) -> MembershipControl:
    """Runs the default attacks on a table that memorised some patients and on one that memorised others.

    Args:
        schema: of the rows.
        rows: any patients of the dataset, as `Schema.encode` gives them, [rows, columns].
        hospitals: each row's hospital, [rows].
        seed: the experiment's seed.
        patients: most patients that are memorised; fewer where a third of the rows is less.

    Raises:
        DataError: hospitals with three rows or more do not give 12 patients to memorise.
    """
    names = np.asarray(hospitals).astype(str)
    rng = generator(seed, "generator control")
    order, third = _thirds(names, rng, patients)
    members, non_members, others = (order[third == number] for number in range(3))
    if len(members) < FEWEST_PATIENTS:
        raise DataError(
            f"generator control: {len(order)} usable rows are too few; {3 * FEWEST_PATIENTS} are needed, in hospitals "
            "that give three or more."
        )
    results = []
    for memorised, level in ((members, LEVEL), (others, STRICT_LEVEL)):
        results.append(
            run_generator_attacks(
                schema,
                rows[members],
                rows[non_members],
                memorising_table(schema, rows[memorised], _ROWS, rng),
                member_hospitals=names[members],
                non_member_hospitals=names[non_members],
                rng=generator(seed, "generator control", "attack"),
                resamples=_RESAMPLES,
                permutations=_RESAMPLES,
                level=level,
            )
        )
    return MembershipControl(*results)


def _thirds(hospitals: np.ndarray, rng: np.random.Generator, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows drawn within hospitals as evenly as their sizes are, and 0, 1 or 2 for each: a third of each apiece."""
    share = min(1.0, 3 * most / len(hospitals))
    rows, third = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for name in np.unique(hospitals):
        here = rng.permutation(np.flatnonzero(hospitals == name))
        taken = int(share * len(here)) // 3 * 3
        rows.append(here[:taken])
        third.append(np.arange(taken) % 3)
    return np.concatenate(rows), np.concatenate(third)
