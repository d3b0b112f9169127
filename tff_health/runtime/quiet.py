"""Keeps TensorFlow, gRPC and their libraries from writing to the terminal. Cheap to import and to call.

What silences what: `TF_CPP_MIN_LOG_LEVEL` the C++ banner and the "Unable to register cuDNN factory" errors,
`GRPC_VERBOSITY` gRPC's core (whose first line is "WARNING: All log messages before absl::InitializeLog()"),
the loggers Python-side messages, a filter the "Object was never used" essays, warning filters deprecations
inside libraries. Messages of the project and of the user's own code stay. A variable that the user has set
wins.
"""

from __future__ import annotations

import logging
import os
import warnings

_ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_CPP_MAX_VLOG_LEVEL": "0",
    "GRPC_VERBOSITY": "NONE",
    "GLOG_minloglevel": "3",
    "AUTOGRAPH_VERBOSITY": "0",
    "TF_ENABLE_DEPRECATION_WARNINGS": "0",
}
_LIBRARIES = (
    "absl|astunparse|dp_accounting|flatbuffers|gast|google|grpc|h5py|jax|jaxlib|keras|pkg_resources|tensorboard"
    "|tensorflow|tensorflow_estimator|tensorflow_federated|tensorflow_model_optimization|tensorflow_privacy"
    "|tensorflow_probability|tree"
)


class _NeverUsed(logging.Filter):
    """Drops TensorFlow's notes on graph values that nobody read, written from finalizers."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "Object was never used" not in str(record.msg)


def silence_tensorflow() -> None:
    """Silences the stack; call it before TensorFlow is imported. Calling it again changes nothing.

    After an import of TensorFlow by somebody else only the Python side can still be silenced.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # Worker processes and re-executed children need no Python filters, so nothing goes into PYTHONWARNINGS.
    for category in (UserWarning, DeprecationWarning, FutureWarning, RuntimeWarning, SyntaxWarning):
        warnings.filterwarnings("ignore", category=category, module=rf"(?:{_LIBRARIES})(?:\..*)?$")
    logger = logging.getLogger("tensorflow")
    logger.setLevel(logging.ERROR)
    if not any(isinstance(present, _NeverUsed) for present in logger.filters):
        logger.addFilter(_NeverUsed())
    # absl installs a logger class of its own, so its logger is reached through its module.
    from absl import logging as absl_logging

    absl_logging.set_verbosity(absl_logging.ERROR)
