"""How good synthetic patients are: useful, faithful, varied. NumPy, scikit-learn and SDMetrics; no TensorFlow."""
