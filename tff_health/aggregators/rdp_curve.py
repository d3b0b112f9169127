"""What a mechanism costs in Rényi differential privacy, where no `dp_accounting.DpEvent` can say it."""

from __future__ import annotations

from dataclasses import dataclass

# Those of dp_accounting's RDP accountant, so that curves and events can be added up order by order.
DEFAULT_ORDERS: tuple[float, ...] = (
    *(1.0 + tenth / 10.0 for tenth in range(1, 100)),
    *(float(order) for order in range(11, 64)),
    *(128.0, 256.0, 512.0, 1024.0),
)


@dataclass(frozen=True)
class RdpCurve:
    """An upper bound on the Rényi divergence between the outputs on any two neighbouring inputs.

    Mironov 2017, "Rényi Differential Privacy", arXiv 1702.07476.

    Attributes:
        orders: alpha, each above 1, ascending.
        epsilons: the bound in nats at each order; never negative.
    """

    orders: tuple[float, ...]
    epsilons: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.orders or len(self.orders) != len(self.epsilons):
            raise ValueError(f"{len(self.orders)} orders do not go with {len(self.epsilons)} epsilons")
        if self.orders[0] <= 1 or any(b <= a for a, b in zip(self.orders, self.orders[1:], strict=False)):
            raise ValueError("orders must be above 1 and ascend")
        if not all(epsilon >= 0 for epsilon in self.epsilons):  # NaN fails as well
            raise ValueError("epsilons must be numbers of at least 0")

    def compose(self, times: int) -> RdpCurve:
        """The curve of `times` adaptive repetitions (Proposition 1 of the paper); 0 gives a free curve."""
        if times < 0:
            raise ValueError(f"times must be at least 0, not {times}")
        return RdpCurve(self.orders, tuple(times * epsilon if times else 0.0 for epsilon in self.epsilons))

    def __add__(self, other: RdpCurve) -> RdpCurve:
        """The curve of both mechanisms on the same data, one adapting to the other.

        Raises:
            ValueError: the curves have different orders.
        """
        if self.orders != other.orders:
            raise ValueError("curves of different orders cannot be added")
        return RdpCurve(self.orders, tuple(a + b for a, b in zip(self.epsilons, other.epsilons, strict=True)))
