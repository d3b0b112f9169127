"""Measures of synthetic chest X-rays against real ones: arrays in, figures with intervals out."""
