"""Scores of models on held-out patients, with intervals. NumPy only."""
