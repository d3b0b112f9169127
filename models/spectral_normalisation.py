"""Spectral normalisation of linear layers: Miyato et al. 2018 (arXiv 1802.05957), Algorithm 1.

Keras 2.14 has a layer of that name which overwrites the kernel with the normalised one in every pass, so that no
gradient goes through the norm (the paper's equation 12), and which cannot be traced where Python is not converted, as
inside a federated computation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorflow as tf

_TINY = 1e-12  # a kernel of zeros stays one


def spectrally_normalised(layer: tf.keras.layers.Layer) -> Any:
    """A layer whose kernel is divided by an estimate of its largest singular value, seen as [inputs, units].

    Every pass in training makes one step of power iteration from `vector_u` [1, units], a weight outside the gradient,
    and keeps the result there; other passes make it and keep nothing. Averaged over hospitals, the vectors still point
    where the averaged kernel stretches most, since a step never turns one by more than a right angle; their length is
    without influence.

    Args:
        layer: a Conv2D or Dense that is not built and has no activation.

    Returns:
        A layer in its place.
    """
    import tensorflow as tf

    class SpectrallyNormalised(tf.keras.layers.Wrapper):
        def build(self, input_shape: Any) -> None:
            super().build(input_shape)
            units = self.layer.kernel.shape[-1]
            start = tf.keras.initializers.RandomNormal()
            self.vector_u = self.add_weight("vector_u", (1, units), initializer=start, trainable=False)

        def call(self, inputs: Any, training: bool | None = None) -> Any:
            kernel = self.layer.kernel / self._norm(training)
            convolves = isinstance(self.layer, tf.keras.layers.Conv2D)
            outputs = self.layer.convolution_op(inputs, kernel) if convolves else tf.matmul(inputs, kernel)
            return tf.nn.bias_add(outputs, self.layer.bias) if self.layer.use_bias else outputs

        def _norm(self, training: bool | None) -> tf.Tensor:
            matrix = tf.reshape(self.layer.kernel, [-1, self.layer.kernel.shape[-1]])
            fixed = tf.stop_gradient(matrix)
            left = tf.math.l2_normalize(tf.matmul(self.vector_u, fixed, transpose_b=True))
            right = tf.math.l2_normalize(tf.matmul(left, fixed))
            if training:
                self.vector_u.assign(right)
            return tf.maximum(tf.reduce_sum(tf.matmul(left, matrix) * right), _TINY)

    return SpectrallyNormalised(layer)
