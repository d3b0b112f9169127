"""The document model of results.json: what a run found, readable without the project.

The JSON Schema made from these models stands in docs/results.schema.json; a test holds the two together.
Metric names are `test/METRIC` (pooled held-out patients), `hospital/NAME/METRIC` and `train/METRIC`; the rounds of
the paper's listing also have `listing/METRIC`, scored on training rows as the paper does. A value that is not defined
(AUC where only one class was seen) is null, never NaN.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
)

from tff_health.reporting.atomic import ReportError, write_atomically
from tff_health.reporting.document import FROM_JSON, Correlation, Count, Document, Metric, Number
from tff_health.reporting.images_document import ArmImages, DatasetImages
from tff_health.reporting.privacy_document import AggregatorClaim, Audit, LedgerTotal, MembershipAttack, Privacy
from tff_health.reporting.synthesis_document import ArmSynthesis, DatasetSynthesis

SCHEMA_NAME = "tff_health.results"
SCHEMA_VERSION = 1
SCHEMA = f"{SCHEMA_NAME}/{SCHEMA_VERSION}"


class Round(Document):
    """Metrics after a communication round; round 0 is before training."""

    round: Count
    metrics: dict[str, Metric] = Field(default_factory=dict)


class Confusion(Document):
    """Counts of held-out patients at a threshold on the score (first seed)."""

    threshold: float
    tn: Count
    fp: Count
    fn: Count
    tp: Count


class Arm(Document):
    """One way of training, and what it reached.

    Attributes:
        title: for people.
        description: one sentence for the glossary.
        federated: whether hospitals trained together without pooling rows.
        settings: hyperparameters.
        metrics: by metric name, of the final round.
        rounds: by round, where the arm has rounds.
        confusion: counts at the decision threshold, first seed.
        privacy: None where no guarantee is claimed.
        aggregator_claim: what an aggregator of the user's own says of its privacy; None where it is the catalogue's.
        secure_aggregation: `simulated` is NOT SECURE: sums are made in the clear.
        membership: membership inference by attack, on the first seed's model.
        audit: None where the arm was not audited.
        cost: seconds_per_round, bytes_up, ...
        synthesis: what the arm makes, where it makes synthetic patients; None for classifiers.
        images: likewise, where it makes synthetic images.
    """

    title: str
    description: str = ""
    federated: bool = False
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    metrics: dict[str, Metric] = Field(default_factory=dict)
    rounds: list[Round] = Field(default_factory=list)
    confusion: Confusion | None = None
    privacy: Privacy | None = None
    aggregator_claim: AggregatorClaim | None = None
    secure_aggregation: Literal["none", "simulated", "masked"] = "none"
    membership: dict[str, MembershipAttack] = Field(default_factory=dict)
    audit: Audit | None = None
    cost: dict[str, Number] = Field(default_factory=dict)
    synthesis: ArmSynthesis | None = None
    images: ArmImages | None = None

    def metric(self, name: str) -> Metric:
        """The metric `name`, or an empty one where the arm lacks it."""
        return self.metrics.get(name) or Metric()

    def at_round(self, number: int, name: str) -> Metric:
        """The metric `name` after round `number`, or an empty one."""
        for entry in self.rounds:
            if entry.round == number:
                return entry.metrics.get(name) or Metric()
        return Metric()


class Candidate(Document):
    """One arm or setting that stood for selection."""

    arm: str
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    score: Number
    chosen: bool = False


class Selection(Document):
    """How hyperparameters and the best arm were chosen, and on which rows (never on held-out ones)."""

    on: str
    criterion: str
    best_arm: str | None = None
    candidates: list[Candidate] = Field(default_factory=list)


class HospitalCounts(Document):
    """Patients of a hospital, and how many of them are of the positive class."""

    train: Count
    test: Count
    train_positive: Count
    test_positive: Count


class Histogram(Document):
    """Counts between edges; one edge more than counts."""

    edges: list[float]
    counts: list[float]


class ColumnStatistics(Document):
    """A column's statistics over all hospitals' training rows."""

    name: str
    kind: str
    unit: str = ""
    missing: Count = 0
    mean: Number = None
    sd: Number = None
    minimum: Number = None
    maximum: Number = None
    histogram: Histogram | None = None
    categories: dict[str, float] | None = None


class Statistics(Document):
    """Federated statistics of the training rows."""

    columns: list[ColumnStatistics]
    correlation: Correlation | None = None

    def column(self, name: str) -> ColumnStatistics | None:
        """The column called `name`, or None."""
        return next((column for column in self.columns if column.name == name), None)


class ArmComparison(Document):
    """An arm of a study against another, cell by cell.

    Attributes:
        arm: its name.
        against: the other's.
        metric: what is compared.
        difference: first minus second, with a 95 % interval; `n` is the number of pairs.
        effect: Cohen's d of paired differences.
        p_value: two-sided paired t test of no difference.
        p_corrected: the same, corrected for all arms compared with the other one (Holm).
        comparisons: how many these were.
        overlap: held-out over training patients where cells split the same patients anew, by which interval and test
            are widened (Nadeau and Bengio 2003); 0 where they do not.
        sentence: all of it in words.
    """

    arm: str
    against: str
    metric: str
    difference: Metric
    effect: Number = None
    p_value: Number = None
    p_corrected: Number = None
    comparisons: Count = 1
    overlap: Number = 0.0
    sentence: str


class DatasetResult(Document):
    """What a dataset is and what each arm reached on it."""

    title: str
    kind: Literal["real", "simulated"]
    source: str
    licence: str
    unit: str = "patient"
    target: str = ""
    positive: str = ""
    partition: str = ""
    protocol: str = ""
    notes: list[str] = Field(default_factory=list)
    preprocessing: list[str] = Field(default_factory=list)
    selection: Selection | None = None
    hospitals: dict[str, HospitalCounts] = Field(default_factory=dict)
    statistics: Statistics | None = None
    arms: dict[str, Arm] = Field(default_factory=dict)
    private_preprocessing: list[str] = Field(default_factory=list)
    membership_control: dict[str, MembershipAttack] = Field(default_factory=dict)
    ledger: list[LedgerTotal] = Field(default_factory=list)
    comparisons: list[ArmComparison] = Field(default_factory=list)
    synthesis: DatasetSynthesis | None = None
    images: DatasetImages | None = None

    @property
    def headline_arm(self) -> str | None:
        """The federated arm that speaks for federation: the selected one, never the best on held-out rows.

        Without a recorded selection it is the first federated arm of the file other than `paper-listing`, whose
        faults are reproduced on purpose.
        """
        if self.selection and self.selection.best_arm in self.arms:
            return self.selection.best_arm
        proper = [name for name, arm in self.arms.items() if arm.federated and name != "paper-listing"]
        return proper[0] if proper else None

    @property
    def shown_arms(self) -> dict[str, Arm]:
        """Arms without the parts of another (`alone/NAME` is a part of `alone`)."""
        return {name: arm for name, arm in self.arms.items() if "/" not in name}


class Reference(Document):
    """A published value beside ours, with one plain sentence on why they differ."""

    source: str
    row: str
    metric: str
    theirs: Number
    ours: Number = None
    arm: str | None = None
    dataset: str | None = None
    why: str


class Results(Document):
    """The whole of results.json."""

    schema_: Literal["tff_health.results/1"] = Field(default="tff_health.results/1", alias="schema")
    experiment: str
    title: str
    question: str
    datasets: dict[str, DatasetResult]
    references: list[Reference] = Field(default_factory=list)
    environment: dict[str, JsonValue] = Field(default_factory=dict)
    seeds: dict[str, JsonValue] = Field(default_factory=dict)
    seconds: Number = None
    started: str = ""
    command: str = ""

    model_config = ConfigDict(populate_by_name=True, title="Results of a tff_health run")


def load_results(path: Path) -> Results:
    """Reads results.json.

    Raises:
        ReportError: the file is missing, is not JSON, is not this project's, comes from a newer version, or a
            part of it is not as the schema has it; the message names the part.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ReportError(
            f"{path} does not exist: name a run folder, which holds results.json once its run has ended."
        ) from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ReportError(f"{path} cannot be read as JSON ({error}): restore the file or run again.") from error
    name = document.get("schema") if isinstance(document, dict) else None
    family, _, version = str(name).rpartition("/")
    if family != SCHEMA_NAME or not version.isdigit():
        raise ReportError(f'{path} is not a results file of this project (its "schema" is {name!r}, not {SCHEMA!r}).')
    if int(version) > SCHEMA_VERSION:
        raise ReportError(
            f"{path} was written by a newer version of tff_health ({name}; this one reads up to {SCHEMA}): "
            "update tff_health."
        )
    try:
        return Results.model_validate(document, context=FROM_JSON)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise ReportError(
            f"{path} does not follow {SCHEMA}: {place}: {first['msg']} ({error.error_count()} in all); "
            "restore the file or run again."
        ) from error


def save_results(results: Results, path: Path) -> None:
    """Writes results.json atomically, as indented UTF-8 that `load_results` reads back unchanged.

    Raises:
        ReportError: the file cannot be written.
    """
    document = results.model_dump(mode="json", by_alias=True)
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomically(path, text.encode())


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of results.json, as docs/results.schema.json holds it."""
    schema = Results.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def save_json_schema(path: Path) -> None:
    """Writes the JSON Schema; run it on docs/results.schema.json after a change of these models."""
    text = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, text.encode())
