"""The parts of results.json that speak of privacy: guarantees, attacks, audits, and the run's ledger."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from tff_health.reporting.document import Count, Document, Metric, Number


class Privacy(Document):
    """A differential privacy guarantee with all that is needed to read it; further keys are free."""

    model_config = ConfigDict(extra="allow")

    unit: str
    adjacency: str
    mechanism: str
    sampling: str
    epsilon: Number
    delta: Number
    accountant: str
    trust_model: str
    secure_aggregation: Literal["none", "simulated", "masked"]
    sentence: str = ""


class AggregatorClaim(Document):
    """What an aggregator of the user's own claims of its privacy, at its word; it is no guarantee of this project's.

    Attributes:
        aggregator: module:function.
        rounds: of one model's training.
        epsilon: for one hospital's updates in all rounds; None where nothing is claimed.
        delta: likewise.
        accountant: that composed its event.
        label: a few words, as "none claimed".
        sentence: all of it in words.
    """

    aggregator: str
    rounds: Count
    epsilon: Number = None
    delta: Number = None
    accountant: str = ""
    label: str
    sentence: str


class MembershipAttack(Document):
    """How well one attack tells training patients of an arm from held-out ones; .5 is guessing.

    Attributes:
        auc: area under the attack's ROC, pairs of a member and a non-member of the same hospital.
        auc_pooled: the same over pairs of all hospitals.
        tpr_at_1pct_fpr: members found where at most 1 % of non-members are accused.
        advantage: largest difference of true and false positive rate, or of the attack's own threshold.
        hospitals: `auc` by hospital, where it holds enough patients of both kinds.
        shadows: models that the attacker trained; 0 for attacks that need none.
        note: what a reader must know about this attack on this arm.
    """

    auc: Metric
    auc_pooled: Metric = Field(default_factory=Metric)
    tpr_at_1pct_fpr: Metric = Field(default_factory=Metric)
    advantage: Metric = Field(default_factory=Metric)
    hospitals: dict[str, Metric] = Field(default_factory=dict)
    members: Count = 0
    non_members: Count = 0
    shadows: Count = 0
    note: str = ""


class Audit(Document):
    """A lower bound on epsilon from canaries, beside the accountant's upper bound.

    Attributes:
        unit: patient or hospital.
        epsilon_lower: shown with `confidence`.
        epsilon_claimed: the accountant's; None where nothing is claimed.
        ceiling: what the audit would have shown had every guess been right.
        sentence: all of it in words.
    """

    unit: str
    method: str
    epsilon_lower: float
    epsilon_claimed: Number = None
    delta: float
    confidence: float
    ceiling: float
    canaries: Count
    guesses: Count
    correct: Count
    flagged: bool
    sentence: str


class LedgerTotal(Document):
    """All releases of a run about the same patients, composed.

    Attributes:
        unit: patient or hospital.
        epsilon: None where it is unbounded.
        releases: how many charged steps it composes.
        sentence: what it means.
    """

    unit: str
    epsilon: Number
    delta: Number
    releases: Count
    sentence: str
