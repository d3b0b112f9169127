"""Five hospitals behind TLS, each with its own rows alone: one machine's results, and nothing of a patient on the way.

Everything that comes from a hospital passes the coordinator's gRPC channels, where it is recorded after TLS. What is
recorded is searched for every row and image as hospitals hold and prepare them, and for what hospitals would have sent
without masks: the same training is run once more with all masks zero, which shows what to look for.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff
from needs_door import needs_door

from data.catalogue import load_dataset
from data.federation import Federation
from data.image_federation import ImageFederation
from tff_health.experiments.apart.hospitals import Hospitals
from tff_health.experiments.apart.settings import apart_settings
from tff_health.experiments.loading import load_settings
from tff_health.experiments.run import run_experiment
from tff_health.hospitals import costs
from tff_health.hospitals.connected import connected
from tff_health.hospitals.context import HospitalsContext
from tff_health.hospitals.held_facts import facts_file
from tff_health.hospitals.held_images import read_image_facts
from tff_health.hospitals.hospital_folder import WORK
from tff_health.hospitals.round_form import RoundForm
from tff_health.hospitals.simulated import SimulatedHospitals, simulated_hospitals
from tff_health.learning.ctgan.settings import CtganSettings
from tff_health.learning.dcgan.settings import DcganSettings
from tff_health.runtime.context import execution_context
from tff_health.runtime.value_proto import WireValue
from tff_health.secure_aggregation import hospital_side
from tff_health.synthesis.ctgan import Ctgan
from tff_health.synthesis.images.dcgan import Dcgan

pytestmark = [needs_door, pytest.mark.slow]
ROWS, FILMS = "breast_cancer", "films"
CTGAN = Ctgan(
    updates=50,
    training=CtganSettings(local_updates=2, generator_updates=2, memory="fresh"),
    max_modes=5,
    probes=0,
    averaging=0,
    aggregator="secure-weighted",
)
DCGAN = Dcgan(
    updates=20,
    training=DcganSettings(batch_size=8, generator_batch_size=40, memory="fresh"),
    probes=0,
    averaging=0,
    aggregator="secure-weighted",
)


class Recorder:
    """Everything that hospitals sent since it was last emptied."""

    def __init__(self) -> None:
        self._received = io.BytesIO()

    def take(self, response: Any) -> None:
        self._received.write(response.SerializeToString())

    def empty(self) -> bytes:
        """What was recorded; begins anew."""
        content = self._received.getvalue()
        self._received = io.BytesIO()
        return content


@pytest.fixture(scope="module")
def tables() -> Federation:
    """The preset's own division."""
    settings = load_settings("five-round")
    task = settings.tasks[ROWS]
    loaded = load_dataset(task.source or ROWS, task.options, seed=settings.seed)
    assert isinstance(loaded, Federation)
    return loaded


@pytest.fixture(scope="module")
def films() -> ImageFederation:
    loaded = load_dataset("xray_phantom", {"hospitals": 5, "images": 200, "test_images": 50}, seed=1)
    assert isinstance(loaded, ImageFederation)
    return loaded


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    own = Recorder()
    counted = costs.CountingInterceptor.intercept_unary_unary

    def intercept(self, continuation, details, request):
        call = counted(self, continuation, details, request)
        if call.exception() is None:
            own.take(call.result())
        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(costs.CountingInterceptor, "intercept_unary_unary", intercept)
        yield own


@pytest.fixture(scope="module")
def five(tables, films, recorder) -> Iterator[tuple[SimulatedHospitals, HospitalsContext]]:
    """Hospitals' processes, each in a folder and namespaces of its own, and a context over them."""
    assert [own.name for own in tables.members] == [own.name for own in films.members]
    assert len(tables.members) == 5
    with (
        simulated_hospitals({ROWS: tables, FILMS: films}) as simulated,
        connected(simulated.roster, simulated.identity) as context,
    ):
        yield simulated, context


class Running(Hospitals):
    """Hospitals that the test has started."""

    def __init__(self, context: HospitalsContext) -> None:
        super().__init__()
        self._running = context

    def _context(self, name: str) -> HospitalsContext:
        return self._running


@contextlib.contextmanager
def installed(context: HospitalsContext) -> Iterator[None]:
    with tff.framework.get_context_stack().install(context):
        yield


@contextlib.contextmanager
def without_masks() -> Iterator[None]:
    """Hospitals are sent computations that mask by zeros, as a harmful coordinator could."""

    def nothing(pairs, attempt, rings, entries):
        return tuple(tf.zeros([count], ring.dtype) for ring, count in zip(rings, entries, strict=True))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hospital_side, "sums_of_masks", nothing)
        yield


def needles(tables: Federation, films: ImageFederation) -> list[bytes]:
    """Four neighbouring cells of every row, as stored and in single precision, and a line of every image."""
    found = []
    for hospital in tables.hospitals:
        for frame in (hospital.train, hospital.test):
            matrix = tables.schema.encode(frame)
            found += [row[:4].astype(kind).tobytes() for row in matrix for kind in ("<f8", "<f4")]
    for images in (*(own.train for own in films.members), films.test):
        found += [line.astype("<f4").tobytes() for line in images.pixels[:, 14, :, 0]]
    return found


def assert_none_within(found: list[bytes], recorded: bytes) -> None:
    assert len(recorded) > 1000
    assert [place for place, needle in enumerate(found) if needle in recorded] == []


def test_the_recorder_would_see_a_row_and_an_image(tables, films, five, recorder):
    _, context = five

    @tff.tensorflow.computation
    def everything():
        return tf.io.decode_raw(tf.io.read_file(f"data/{ROWS}/train.f64"), tf.float64), tf.io.decode_raw(
            tf.io.read_file(f"data/{FILMS}/train-pixels.f32"), tf.float32
        )

    recorder.empty()
    context.ask(everything)
    recorded = recorder.empty()
    row = tables.schema.encode(tables.members[2].train)[7, :4].tobytes()
    assert row in recorded
    assert films.members[3].train.pixels[5, 14, :, 0].tobytes() in recorded


def test_every_hospital_holds_its_own_rows_alone(tables, five):
    simulated, _ = five
    for hospital in tables.members:
        stored = np.fromfile(simulated.folders[hospital.name] / WORK / "data" / ROWS / "train.f64", "<f8")
        np.testing.assert_array_equal(stored, tables.schema.encode(hospital.train).ravel())


def test_the_five_round_experiment_is_one_machines(tables, films, five, recorder, tmp_path):
    settings = load_settings("five-round")
    alone = settings.model_copy(update={"datasets": {ROWS: settings.tasks[ROWS]}, "repeats": 2, "bootstrap": 20})
    alone, _ = apart_settings(alone)
    recorder.empty()
    run_experiment(alone, tmp_path / "apart", quiet=True, hospitals=Running(five[1]))
    assert_none_within(needles(tables, films), recorder.empty())
    run_experiment(alone, tmp_path / "together", quiet=True)
    plain = [label for label, arm in alone.tasks[ROWS].arms.items() if arm.privacy is None]
    assert len(plain) >= 2
    for label in plain:  # noise is nobody's twice
        name = f"model/{ROWS}--{label}.keras"
        assert_same_weights(tmp_path / "together" / name, tmp_path / "apart" / name)


def assert_same_weights(path: Path, other: Path) -> None:
    one, two = (tf.keras.models.load_model(file, compile=False).get_weights() for file in (path, other))
    for ours, theirs in zip(one, two, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5, err_msg=path.name)


def test_fifty_updates_of_the_ctgan_are_one_machines(tables, films, five, recorder):
    hospitals = Running(five[1])
    matrices = list(hospitals.splits(synthesis(), ROWS).split(0).matrices.values())
    recorder.empty()
    with installed(five[1]):
        apart = CTGAN.fit(tables.schema, matrices, seed=5)
    assert_none_within(needles(tables, films), recorder.empty())
    with execution_context():
        together = CTGAN.fit(tables.schema, [tables.schema.encode(own.train) for own in tables.members], seed=5)
    for one, other in zip(apart.generator.weights, together.generator.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


def synthesis() -> Any:
    from tff_health.experiments.loading import validate

    arm = {"method": "ctgan"}
    document = {"kind": "synthesis", "experiment": "x", "title": "x", "question": "x"}
    return validate({**document, "datasets": {ROWS: {"arms": {"ctgan": arm}}}}, "test")


def held_films(films: ImageFederation, simulated: SimulatedHospitals) -> Any:
    from tff_health.experiments.apart.held_images import held_images

    texts = {name: (folder / WORK / facts_file(FILMS)).read_bytes() for name, folder in simulated.folders.items()}
    return held_images(FILMS, read_image_facts(texts, FILMS))


def test_twenty_updates_of_the_dcgan_are_one_machines(tables, films, five, recorder):
    recorder.empty()
    with installed(five[1]):
        apart = DCGAN.fit(held_films(films, five[0]), seed=5)
    assert_none_within(needles(tables, films), recorder.empty())
    with execution_context():
        together = DCGAN.fit(films, seed=5)
    for one, other in zip(apart.generator.weights, together.generator.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


def _as_sent(form: RoundForm, part: WireValue) -> list[np.ndarray]:
    """Arrays as they are on the wire."""
    types = form.at_hospital.type_signature.result[1]
    return [
        np.asarray(part.element(1).element(place).element(k).read(own))
        for place in range(len(form.rings))
        for k, own in enumerate(types[place])
    ]


def test_no_unmasked_update_is_on_the_way(films, five, recorder):
    """Two rounds of the DCGAN with masks and without: what the second sends is nowhere in what the first does."""
    dcgan = replace(DCGAN, updates=2 * DCGAN.training.generator_updates)
    recorded, seen = {}, {}
    totals = HospitalsContext._totals
    for masked in (False, True):
        vectors: list[np.ndarray] = []

        def spy(self, form, sent, vectors=vectors):
            vectors.extend(number for part in sent for number in _as_sent(form, part))
            return totals(self, form, sent)

        recorder.empty()
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.nullcontext() if masked else without_masks(),
            installed(five[1]),
        ):
            patch.setattr(HospitalsContext, "_totals", spy)
            seen[masked] = dcgan.fit(held_films(films, five[0]), seed=5), vectors
        recorded[masked] = recorder.empty()
    (plain, unmasked), (hidden, masks) = seen[False], seen[True]
    for one, other in zip(plain.generator.weights, hidden.generator.weights, strict=True):
        np.testing.assert_array_equal(one, other)  # so that the updates were the same ones
    long = [vector for vector in unmasked if vector.size >= 64]
    assert len(long) >= 2 * 5
    for vector in long:
        piece = vector.ravel()[: min(vector.size, 256)].tobytes()
        assert piece in recorded[False]
        assert piece not in recorded[True]
        # Nor any eight entries of it at places where chance alone would not put them.
        for start in range(0, vector.size - 8, max(vector.size // 8, 1)):
            some = vector.ravel()[start : start + 8]
            if len(np.unique(some)) == 8:
                assert some.tobytes() not in recorded[True]
    assert len(masks) == len(unmasked)
