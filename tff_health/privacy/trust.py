"""Whom a guarantee asks patients to trust, in words that an ethics board can read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TrustModel = Literal["each-hospital", "shared-noise", "central", "distributed"]
SecureAggregation = Literal["none", "simulated", "masked"]
NOT_SECURE = "simulated: NOT SECURE"


@dataclass(frozen=True)
class TrustText:
    """One trust model.

    Attributes:
        name: a few words, for tables.
        holds_against: one sentence: who may be curious without harm to the guarantee.
        relies_on: one sentence: who must behave for the guarantee to hold.
        needs_secure_aggregation: whether the server must see nothing but the sum.
    """

    name: str
    holds_against: str
    relies_on: str
    needs_secure_aggregation: bool


TRUST_MODELS: dict[TrustModel, TrustText] = {
    "each-hospital": TrustText(
        name="each hospital adds the full noise",
        holds_against="It holds against everyone outside a patient's own hospital: the server, the other hospitals, "
        "even all of them together, and whoever receives the model.",
        relies_on="Patients trust their own hospital only, which adds the noise before anything leaves it.",
        needs_secure_aggregation=False,
    ),
    "shared-noise": TrustText(
        name="hospitals share the noise of one sum",
        holds_against="It holds against whoever sees the sum over hospitals and the model, but not against a server "
        "that sees a single hospital's update, which carries only that hospital's share of the noise.",
        relies_on="It relies on secure aggregation, so that the server sees the sum only, and on every hospital adding "
        "its share; a hospital that subtracts its own share faces less noise than the others.",
        needs_secure_aggregation=True,
    ),
    "central": TrustText(
        name="the server adds the noise",
        holds_against="It holds against whoever receives the model, including the hospitals, but not against the "
        "server.",
        relies_on="It relies on the server, which sees every hospital's bounded update: it must add the noise and keep "
        "the updates to itself.",
        needs_secure_aggregation=False,
    ),
    "distributed": TrustText(
        name="distributed differential privacy",
        holds_against="It holds against whoever sees the sum over hospitals and the model: every hospital adds "
        "whole-number noise to its rounded update, and the shares add up to the noise that is accounted.",
        relies_on="It relies on secure aggregation, so that the server sees the sum only, and on every hospital adding "
        "its share; a hospital that subtracts its own share faces less noise than the others.",
        needs_secure_aggregation=True,
    ),
}

_SIMULATED = (
    f"Secure aggregation is {NOT_SECURE} here. One computer adds the hospitals' updates in the clear, as a simulation "
    "must, so that the server of this run could read each of them; the guarantee is the one that the same run would "
    "have with real secure aggregation."
)
_ABSENT = (
    "No secure aggregation was in place although the guarantee needs it: against a server that reads single updates it "
    "does not hold."
)


def aggregation_sentence(trust_model: TrustModel, secure_aggregation: SecureAggregation) -> str:
    """What secure aggregation does to the guarantee; empty where there is nothing to say."""
    needed = TRUST_MODELS[trust_model].needs_secure_aggregation
    if secure_aggregation == "simulated":
        return _SIMULATED if needed else f"Secure aggregation is {NOT_SECURE}; the guarantee does not rely on it."
    if secure_aggregation == "masked":
        return "The server saw masked updates only, which sum to the true sum."
    return _ABSENT if needed else ""
