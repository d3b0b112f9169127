"""What users' own aggregators claim: at their word, by the accountant, and never more than they give."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from data.errors import SettingsError, WrongKindError
from tff_health.experiments.aggregator_statement import claim_document, synthesizer_claim
from tff_health.privacy.aggregator_claim import aggregator_claim
from tff_health.privacy.gaussian import gaussian_epsilon
from tff_health.synthesis.ctgan import Ctgan
from tff_health.synthesis.images.dcgan import Dcgan

_HEAD = """
import dp_accounting
import tensorflow_federated as tff


class Own(tff.aggregators.{kind}):
    def create(self, *types):
        raise NotImplementedError

    {body}


def own():
    return Own()
"""
_COUNT = itertools.count()
_GAUSSIAN = (
    "def dp_event(self, rounds): return dp_accounting.SelfComposedDpEvent(dp_accounting.GaussianDpEvent(4.0), rounds)"
)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(body: str, kind: str = "UnweightedAggregationFactory") -> str:
        name = f"claimed_{next(_COUNT)}"
        (tmp_path / f"{name}.py").write_text(_HEAD.format(kind=kind, body=body), "utf-8")
        return f"{name}:own"

    yield write
    for name in [name for name in sys.modules if name.startswith("claimed_")]:
        del sys.modules[name]


def test_an_aggregator_without_an_event_claims_nothing(module: Callable[..., str]):
    name = module("pass")
    claim = aggregator_claim(name, 5)
    assert claim is not None
    assert (claim.epsilon, claim.delta, claim.label) == (None, None, "none claimed")
    assert name in claim.sentence


def test_the_claim_is_the_exact_cost_of_its_event(module: Callable[..., str]):
    name = module(_GAUSSIAN)
    claim = aggregator_claim(name, 9)
    assert claim is not None
    assert claim.accountant == "analytic-gaussian"
    assert claim.epsilon == pytest.approx(gaussian_epsilon(9**0.5 / 4, 1e-5))
    assert claim.delta == 1e-5
    assert f"claimed by {name}" in claim.label
    for words in ("per hospital", "9 rounds", "every hospital in every round", "Neither the noise nor the event was"):
        assert words in claim.sentence


def test_the_factory_chooses_its_delta(module: Callable[..., str]):
    claim = aggregator_claim(module(f"dp_delta = 1e-3\n    {_GAUSSIAN}"), 1)
    assert claim is not None
    assert claim.epsilon == pytest.approx(gaussian_epsilon(1 / 4, 1e-3))


def test_an_event_without_noise_is_no_claim(module: Callable[..., str]):
    claim = aggregator_claim(module("def dp_event(self, rounds): return dp_accounting.NonPrivateDpEvent()"), 5)
    assert claim is not None
    assert (claim.epsilon, claim.label) == (None, "none claimed")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("def dp_event(self, rounds): return self.nothing", "dp_event failed with AttributeError"),
        ("def dp_event(self, rounds): return 1.0", "must return a dp_accounting.DpEvent, not float"),
        ("def dp_event(self, rounds): return dp_accounting.UnsupportedDpEvent()", "UnsupportedDpEvent"),
        ("def dp_event(self, rounds): return dp_accounting.NoOpDpEvent()", "5 rounds release nothing, and they do"),
        ("def dp_event(self, rounds): return dp_accounting.GaussianDpEvent('2')", "dp_event failed with"),
        (f"dp_delta = 1.0\n    {_GAUSSIAN}", r"delta must lie in \(0, 1\)"),
        (f"dp_delta = 'small'\n    {_GAUSSIAN}", "dp_delta must be a number, not str"),
    ],
)
def test_what_nobody_can_account_for_is_refused(module: Callable[..., str], body: str, message: str):
    with pytest.raises(SettingsError, match=message):
        aggregator_claim(module(body), 5)


def test_weights_hide_nothing(module: Callable[..., str]):
    with pytest.raises(SettingsError, match="Weighted aggregation under a guarantee is refused"):
        aggregator_claim(module(_GAUSSIAN, "WeightedAggregationFactory"), 5)
    claim = aggregator_claim(module("pass", "WeightedAggregationFactory"), 5)
    assert claim is not None
    assert claim.label == "none claimed"


def test_what_is_no_factory_is_named():
    with pytest.raises(WrongKindError):
        aggregator_claim("collections:OrderedDict", 5)


def test_the_catalogue_claims_by_settings_alone():
    assert aggregator_claim("uniform-mean", 5) is None
    assert claim_document("mean", 5) is None
    assert claim_document("", 5) is None


def test_generators_claim_for_all_their_rounds(module: Callable[..., str]):
    name = module(_GAUSSIAN)
    for synthesizer in (Ctgan(updates=40, aggregator=name), Dcgan(updates=40, aggregator=name)):
        claim = synthesizer_claim(synthesizer)
        assert claim is not None
        assert claim.rounds == synthesizer.rounds
        assert claim.epsilon == pytest.approx(gaussian_epsilon(synthesizer.rounds**0.5 / 4, 1e-5))
    assert synthesizer_claim(Ctgan(updates=40)) is None
