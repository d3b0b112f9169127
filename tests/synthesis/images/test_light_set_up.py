"""Settings of a DCGAN are checked before TensorFlow is imported, so that a refusal takes no seconds."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("aggregator", "said"), [("mean", "none"), ("secure-weighted", "set memory = 'fresh' in its training")]
)
def test_a_dcgan_is_set_up_and_refused_lightly(aggregator: str, said: str) -> None:
    code = (
        "import sys\n"
        "from data.errors import SettingsError\n"
        "from tff_health.synthesis.images.dcgan import Dcgan\n"
        "said = 'none'\n"
        "try:\n"
        f"    Dcgan(updates=5, aggregator={aggregator!r})\n"
        "except SettingsError as error:\n"
        "    said = str(error)\n"
        "heavy = {'tensorflow', 'tensorflow_federated', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
        "print(said, heavy)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said in done.stdout
    assert done.stdout.strip().endswith("set()")
