"""Attacks on a dataset's arms: what is run, and what was found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tff_health.experiments.aggregator_choice import backend_of
from tff_health.experiments.arm_audit import audit_arm
from tff_health.experiments.arms import ArmRun
from tff_health.experiments.membership_attack import attack_arm, run_attack_control
from tff_health.experiments.prepared import PreparedDataset
from tff_health.experiments.privacy_statements import arm_privacy
from tff_health.experiments.private_arm import PrivateArm
from tff_health.experiments.settings import ExperimentSettings
from tff_health.reporting.privacy_document import Audit, MembershipAttack


@dataclass
class Findings:
    """What attacks and audits found.

    Attributes:
        membership: by arm and attack.
        audits: by arm.
        control: the attacks' own control.
    """

    membership: dict[str, dict[str, MembershipAttack]] = field(default_factory=dict)
    audits: dict[str, Audit] = field(default_factory=dict)
    control: dict[str, MembershipAttack] = field(default_factory=dict)

    def add(self, kind: str, arm: str, document: Any) -> None:
        """Takes up what `run_attack` returned, or a checkpoint of it."""
        if kind == "audit":
            if document is not None:
                self.audits[arm] = Audit.model_validate(document)
            return
        attacks = {name: MembershipAttack.model_validate(attack) for name, attack in document.items()}
        if kind == "control":
            self.control = attacks
        else:
            self.membership[arm] = attacks


def run_attack(kind: str, arm: ArmRun | None, dataset: PreparedDataset, settings: ExperimentSettings) -> Any:
    """Runs one of `workload.attack_steps`.

    Args:
        kind: `membership`, `control` or `audit`.
        arm: finished; None for the control.
        dataset: prepared.
        settings: of the experiment.

    Returns:
        Plain values that JSON can hold, for `Findings.add`.
    """
    if arm is None:
        return {
            name: attack.model_dump(mode="json") for name, attack in run_attack_control(dataset, settings.seed).items()
        }
    if kind == "membership":
        found = attack_arm(arm, settings.attacks, settings.seed)
        return {name: attack.model_dump(mode="json") for name, attack in found.items()}
    claimed = arm_privacy(arm).epsilon if isinstance(arm, PrivateArm) else None
    with backend_of(arm.candidate):
        audit = audit_arm(arm, settings.attacks, claimed, settings.seed)
    return None if audit is None else audit.model_dump(mode="json")
