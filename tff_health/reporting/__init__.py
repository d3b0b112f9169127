"""Figures and the HTML report, made from a run folder alone: nothing here imports TensorFlow."""
