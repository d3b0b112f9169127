"""The parts of results.json that speak of synthetic patients.

Metric names of an arm that synthesises: `tstr/CLASSIFIER/accuracy`, `tstr/CLASSIFIER/auc` and `tstr/mean/...` (train on
synthetic, test on real), `augmented/...` (train on real and synthetic), `hospital/NAME/tstr/...` on one hospital's
held-out patients, `fidelity/...`, `detection/...`, `coverage/...`, `collapse/...`, `anonymity/...`, `disclosure/...`,
`singling_out/risk`, `linkability/risk`, `inference/risk`. Real rows have `trtr/...` (train on real, test on real) and
`anonymity/...` in `DatasetSynthesis.real_metrics`. `Metric.seeds` holds one value for each split, in the same order in
every arm, so that arms can be paired.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tff_health.reporting.document import Correlation, Count, Document, Metric, Number

Purpose = Literal["synthesiser", "ablation", "control", "own-generator"]


class ColumnSummary(Document):
    """A column of one table in plain statistics.

    Attributes:
        name: of the column.
        kind: as the schema has it: `continuous`, `integer`, `binary`, `categorical`, ...
        unit: of the values; empty for none.
        missing: share of missing cells, 0 to 1.
        mean: of the present cells; None for coded columns.
        sd: likewise.
        minimum: smallest value, where it may be shown.
        maximum: likewise.
    """

    name: str
    kind: str
    unit: str = ""
    missing: Number = None
    mean: Number = None
    sd: Number = None
    minimum: Number = None
    maximum: Number = None


class ColumnComparison(Document):
    """How a column is distributed among real training rows and among synthetic ones.

    Attributes:
        name: of the column.
        kind: as the schema has it.
        unit: of the values; empty for none.
        edges: of a numeric column's bins, in units, one more than shares; empty for coded columns.
        labels: of a coded column's categories, one for each share; empty for numeric columns.
        real: share of the present real cells in each bin or category.
        synthetic: the same of synthetic cells.
        real_missing: share of missing cells among real rows; None where it was not counted.
        synthetic_missing: likewise among synthetic ones.
    """

    name: str
    kind: str
    unit: str = ""
    edges: list[float] = Field(default_factory=list)
    labels: list[str] = Field(default_factory=list)
    real: list[float]
    synthetic: list[float]
    real_missing: Number = None
    synthetic_missing: Number = None

    @model_validator(mode="after")
    def _lengths_agree(self) -> Self:
        bins = len(self.edges) - 1 if self.edges else len(self.labels)
        if not len(self.real) == len(self.synthetic) == bins:
            raise ValueError(
                f"column {self.name!r}: {len(self.real)} real and {len(self.synthetic)} synthetic shares for {bins} "
                "bins or categories"
            )
        return self


class HistoryPoint(Document):
    """What was measured while a synthesiser trained.

    Attributes:
        round: communication rounds so far.
        updates: generator updates so far.
        values: by name: `critic_loss`, `generator_loss`, `wasserstein`, `gradient_penalty`, `categories_covered` (share
            of the real categories that appear), `modes_covered`, `duplicates` (share of repeated rows), ...
    """

    round: Count
    updates: Count = 0
    values: dict[str, Number] = Field(default_factory=dict)


class ArmSynthesis(Document):
    """One way of making synthetic patients.

    Attributes:
        kind: the synthesiser's family, alike for all epsilons: `ctgan`, `label-histograms`, `marginal-tree`, ...
        purpose: what the arm is for; None leaves it to the arm's name (`own-generator/HOSPITAL`, `ctgan-no-packing`,
            `ctgan-overfitted`).
        updates: of the generator; 0 where it is not trained by steps.
        rows: synthetic rows behind each split's metrics.
        columns: real and synthetic distributions, first split.
        summaries: statistics of the synthetic columns, first split.
        correlation: of the synthetic rows, in the order of the dataset's.
        history: by round, first split.
        sample: the first few synthetic patients, column -> value; None for a missing cell.
        notes: what a reader must know about this arm.
    """

    kind: str
    purpose: Purpose | None = None
    updates: Count = 0
    rows: Count = 0
    columns: list[ColumnComparison] = Field(default_factory=list)
    summaries: list[ColumnSummary] = Field(default_factory=list)
    correlation: Correlation | None = None
    history: list[HistoryPoint] = Field(default_factory=list)
    sample: list[dict[str, str | Number]] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)


class DatasetSynthesis(Document):
    """What all synthesisers of a dataset are held against.

    Attributes:
        classifiers: names of the classifiers trained on synthetic rows, in the order of tables.
        splits: into training and held-out rows, each with generators of its own.
        rows: real training rows of a split.
        test_rows: real held-out rows of a split.
        columns: statistics of the real training rows, first split.
        correlation: of the real training rows, first split.
        quasi_identifiers: columns that an attacker may know, behind k-anonymity and the like.
        quasi_identifier_rules: column -> how it is made coarser before classes are counted: `bands of 10 years`.
        small_class: `anonymity/small_class_share` counts rows in classes of fewer; 0 where it was not recorded.
        recursive_c: c of recursive (c, l)-diversity; None where it was not recorded.
        real_metrics: `trtr/CLASSIFIER/accuracy`, ..., `anonymity/...` of the real table.
        best_private: epsilon as text (`1`, `3`, `10`) -> the arm chosen for it; where it is empty the report names the
            arm of highest mean AUC.
        best: the arm without a guarantee that speaks for synthesis; None leaves the choice to the report.
        notes: how rows were split, scored and compared.
    """

    classifiers: list[str] = Field(default_factory=list)
    splits: Count = 0
    rows: Count = 0
    test_rows: Count = 0
    columns: list[ColumnSummary] = Field(default_factory=list)
    correlation: Correlation | None = None
    quasi_identifiers: list[str] = Field(default_factory=list)
    quasi_identifier_rules: dict[str, str] = Field(default_factory=dict)
    small_class: Count = 0
    recursive_c: Number = None
    real_metrics: dict[str, Metric] = Field(default_factory=dict)
    best_private: dict[str, str] = Field(default_factory=dict)
    best: str | None = None
    notes: list[str] = Field(default_factory=list)
