"""What a run keeps of its synthesizers: each arm's generator of the first split, and the rows it made."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from data.schema import Schema
from data.table_csv import write_table
from tff_health.experiments.generators.arm_plan import ArmPlan
from tff_health.experiments.synthesis.fitting import Part
from tff_health.experiments.synthesis.privacy import generator_facts
from tff_health.privacy.trust import SecureAggregation
from tff_health.runtime.file_names import arm_file
from tff_health.synthesis.generator import TableGenerator
from tff_health.synthesis.generator_file import save_generator


def keep_generator(
    folder: Path,
    dataset: str,
    label: str,
    generator: TableGenerator,
    plan: ArmPlan,
    part: Part,
    hiding: SecureAggregation = "simulated",
) -> None:
    """Saves a generator with its guarantee as `model/DATASET--ARM.npz`, for the command `sample`."""
    privacy = generator_facts(plan, part.hospitals, part.rows, hiding=hiding)
    facts = {"dataset": dataset, "arm": label, "privacy": privacy}
    save_generator(generator, arm_file(folder, "model", dataset, label, ".npz"), facts)


def keep_table(folder: Path, dataset: str, label: str, schema: Schema, table: pd.DataFrame) -> None:
    """Saves synthetic rows as `synthetic/DATASET--ARM.csv`."""
    write_table(table, schema, arm_file(folder, "synthetic", dataset, label, ".csv"))
