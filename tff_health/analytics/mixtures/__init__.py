"""Variational Gaussian mixtures of single columns, fitted across hospitals by summing their sufficient statistics."""
