"""Synthesizers that release noisy marginal tables and sample from a model fitted to them."""
