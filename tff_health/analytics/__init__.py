"""Federated statistics as TFF computations, and the preprocessing that is fitted with them."""
