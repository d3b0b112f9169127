"""Rényi curves: composition is addition, order by order."""

import pytest

from tff_health.aggregators.rdp_curve import DEFAULT_ORDERS, RdpCurve


def test_composition_and_addition():
    curve = RdpCurve((1.5, 2.0), (0.1, 0.4))
    assert curve.compose(3).epsilons == pytest.approx((0.3, 1.2))
    assert (curve + curve.compose(2)).epsilons == pytest.approx(curve.compose(3).epsilons)
    assert RdpCurve((2.0,), (float("inf"),)).compose(0).epsilons == (0.0,)


@pytest.mark.parametrize(
    ("orders", "epsilons"),
    [
        ((), ()),
        ((2.0,), (1.0, 2.0)),
        ((1.0,), (0.0,)),
        ((3.0, 2.0), (1.0, 1.0)),
        ((2.0,), (-1.0,)),
        ((2.0,), (float("nan"),)),
    ],
)
def test_nonsense_is_refused(orders, epsilons):
    with pytest.raises(ValueError, match=r"order|epsilon"):
        RdpCurve(orders, epsilons)


def test_different_orders_cannot_be_added():
    with pytest.raises(ValueError, match="different orders"):
        RdpCurve((2.0,), (1.0,)) + RdpCurve((3.0,), (1.0,))
    with pytest.raises(ValueError, match="times"):
        RdpCurve((2.0,), (1.0,)).compose(-1)


def test_default_orders_are_those_of_the_accountant():
    from dp_accounting.rdp import rdp_privacy_accountant

    assert pytest.approx(tuple(rdp_privacy_accountant.DEFAULT_RDP_ORDERS)) == DEFAULT_ORDERS
