"""What an experiment on synthetic patients says about privacy, in words for tables."""

from __future__ import annotations

import functools

from tff_health.experiments.generators import privacy
from tff_health.experiments.generators.privacy import Wording
from tff_health.experiments.synthesis.settings import SynthesisSettings
from tff_health.privacy.ledger import PrivacyLedger
from tff_health.privacy.statement import NEVER_COVERED
from tff_health.reporting.privacy_document import LedgerTotal

NOT_COVERED = (
    *NEVER_COVERED,
    "how rows were divided into training and held-out patients, which follows labels: the epsilon is for the training "
    "tables as they are",
    "everything measured of synthetic rows beside real ones, in the report, results.json, scores.csv, training.csv and "
    "checkpoints, without noise: columns side by side, distances, copies, attacks, curves while training",
    "choosing among synthesizers by such scores",
    "the schema with its bounds and codebooks, hospitals' names and their numbers of rows, in all and of each class, "
    "which are taken as public",
    "errors that stop a run",
)
WORDING = Wording(
    covered="the generator and everything that is sampled from it, as often as wanted",
    not_covered=NOT_COVERED,
    repeats="splits of the same patients",
    secret="keep it with whoever may see its patients",
)
arm_privacy = functools.partial(privacy.arm_privacy, wording=WORDING)
generator_facts = functools.partial(privacy.generator_facts, wording=WORDING)


def ledger_totals(settings: SynthesisSettings, name: str, ledger: PrivacyLedger) -> list[LedgerTotal]:
    """See `generators.privacy.ledger_totals`."""
    return privacy.ledger_totals(settings.datasets, name, ledger, settings.splits_of(name), WORDING)
