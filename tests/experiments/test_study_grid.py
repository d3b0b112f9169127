"""Grids beyond arms: datasets in variants, exclusions, and experiments laid over a preset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data.errors import SettingsError, UnknownNameError
from tff_health.experiments.studies.loading import load_study, quick_form, validate_study
from tff_health.experiments.studies.plan import StudyPlan, plan_study

PARTITIONS = {"dataset": "breast_cancer", "setting": "options.partition", "values": ["iid", "one_class"]}
SIZES = {"dataset": "breast_cancer", "setting": "options.hospitals", "values": [4, 6, 8]}
ARMS = {"fedavg": {"method": "fedavg"}, "pooled": {"method": "pooled"}}


OF_ONE = {"datasets": {"breast_cancer": {"options": {"partition": "iid"}}}}


def plan(quick: bool = False, **changes: Any) -> StudyPlan:
    experiment = {"rounds": 1, "repeats": 1, "datasets": {"breast_cancer": {}, "paper_mock": {}}}
    document = {"study": "grid", "title": "A grid", "seeds": [1, 2, 3], "experiment": experiment, "arms": ARMS}
    study = validate_study({**document, **changes}, "test")
    return plan_study(quick_form(study) if quick else study, "test")


def test_a_varied_dataset_is_replaced_by_its_variants():
    planned = plan(vary=[PARTITIONS])
    names = ["breast_cancer-partition-iid", "breast_cancer-partition-one_class", "paper_mock"]
    assert list(planned.datasets) == names
    assert [len(cells) for cells in planned.datasets.values()] == [3, 3, 3]
    for name, partition in zip(names, ("iid", "one_class"), strict=False):
        task = planned.datasets[name][0].settings.datasets[name]
        assert (task.source, task.options["partition"]) == ("breast_cancer", partition)
        assert list(task.arms) == ["fedavg", "pooled"]


def test_variations_of_one_dataset_make_a_grid():
    planned = plan(vary=[PARTITIONS, SIZES])
    assert len(planned.datasets) == 2 * 3 + 1
    name = "breast_cancer-partition-one_class-hospitals-6"
    options = planned.datasets[name][0].settings.datasets[name].options
    assert (options["partition"], options["hospitals"]) == ("one_class", 6)


def test_seeds_and_sweeps_of_the_template_are_those_of_its_variants():
    sweep = {"arm": "fedavg", "setting": "local_epochs", "values": [1, 2], "datasets": ["breast_cancer"]}
    planned = plan(vary=[PARTITIONS], dataset_seeds={"breast_cancer": [7]}, sweep=[sweep])
    assert [cell.seed for cell in planned.datasets["breast_cancer-partition-iid"]] == [7]
    assert len(planned.datasets["paper_mock"]) == 3
    name = "breast_cancer-partition-one_class"
    arms = planned.datasets[name][0].settings.datasets[name].arms
    assert list(arms) == ["fedavg-local-epochs-1", "fedavg-local-epochs-2", "pooled"]
    assert list(planned.datasets["paper_mock"][0].settings.datasets["paper_mock"].arms) == ["fedavg", "pooled"]


def test_arms_are_left_out_of_the_datasets_that_a_pattern_names():
    planned = plan(vary=[PARTITIONS], exclude=[{"dataset": "breast_cancer*", "arm": "pool*"}])
    arms = {name: list(cells[0].settings.datasets[name].arms) for name, cells in planned.datasets.items()}
    assert arms["breast_cancer-partition-iid"] == arms["breast_cancer-partition-one_class"] == ["fedavg"]
    assert arms["paper_mock"] == ["fedavg", "pooled"]


def test_cells_are_left_out_by_dataset_and_seed():
    planned = plan(vary=[PARTITIONS], exclude=[{"dataset": "*iid", "seeds": [2, 3]}, {"dataset": "paper_mock"}])
    cells = {(cell.dataset.rsplit("-", 1)[-1], cell.seed) for cell in planned.cells}
    assert cells == {("iid", 1), ("one_class", 1), ("one_class", 2), ("one_class", 3)}


def test_the_quick_form_takes_the_ends_and_forgives_exclusions_that_meet_nothing():
    exclude = [{"dataset": "*hospitals-6"}, {"dataset": "paper_mock", "seeds": [3]}]
    names = ["breast_cancer-hospitals-4", "breast_cancer-hospitals-8", "paper_mock"]
    assert list(plan(quick=True, vary=[SIZES], exclude=exclude).datasets) == names


def test_the_quick_form_may_have_fewer_datasets():
    assert list(plan(quick=True, quick_datasets=["paper_mock"]).datasets) == ["paper_mock"]
    assert list(plan(quick_datasets=["paper_mock"]).datasets) == ["breast_cancer", "paper_mock"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vary": [{**PARTITIONS, "dataset": "breast_canser"}]}, "did you mean 'breast_cancer'"),
        ({"vary": [{**PARTITIONS, "setting": "options.partition.x"}], "experiment": OF_ONE}, "partition holds a value"),
        ({"exclude": [{"dataset": "heart*"}]}, r"exclude \(dataset = 'heart\*'\) excludes nothing"),
        ({"exclude": [{"arm": "fedyogi"}]}, r"arm = 'fedyogi'\) excludes nothing"),
        ({"exclude": [{"dataset": "paper_mock", "seeds": [9]}]}, r"seeds = \[9\]\) excludes nothing"),
        ({"exclude": [{"dataset": "paper_mock", "arm": "*"}]}, "leaves paper_mock without arms"),
        ({"exclude": [{"dataset": "paper_mock"}, {"dataset": "breast*"}]}, "leaves no cell"),
        (
            {"exclude": [{"dataset": "paper_mock", "arm": "fed*"}], "reference": "fedavg"},
            "takes fedavg out of paper_mock",
        ),
        ({"exclude": [{"dataset": "paper_moc?"}]}, "excludes nothing"),
        ({"sweep": [{"arm": "fedavg", "setting": "rounds", "values": [1], "datasets": []}]}, "at least 1 item"),
        ({"quick_datasets": ["paper_mok"]}, "did you mean 'paper_mock'"),
        ({"exclude": [{}]}, "this excludes everything"),
        ({"exclude": [{"arm": "fedavg", "seeds": [1]}]}, "leave seeds out"),
        ({"vary": [{**PARTITIONS, "values": ["iid", "iid"]}]}, "stands here twice"),
    ],
)
def test_mistakes_get_one_sentence(changes: dict[str, Any], message: str):
    with pytest.raises((SettingsError, UnknownNameError), match=message):
        plan(**changes)


def test_the_quick_form_of_a_study_with_mistakes_names_them(tmp_path: Path):
    path = tmp_path / "typing.toml"
    path.write_text(
        'study = "typing"\ntitle = "T"\nseeds = [1]\nquick_datasets = ["paper_mok"]\n'
        '[experiment.datasets.paper_mock.arms.fedavg]\nmethod = "fedavg"\n',
        "utf-8",
    )
    with pytest.raises(UnknownNameError, match=r"typing.toml: .*did you mean 'paper_mock'"):
        load_study(str(path), quick=True)


def test_brackets_of_a_name_stand_for_themselves():
    experiment = {
        "rounds": 1,
        "repeats": 1,
        "datasets": {"a [1]": {"source": "breast_cancer"}, "b": {"source": "breast_cancer"}},
    }
    assert list(plan(experiment=experiment, exclude=[{"dataset": "a [1]"}]).datasets) == ["b"]


def test_an_experiment_is_laid_over_a_preset(tmp_path: Path):
    path = tmp_path / "over.toml"
    path.write_text(
        'study = "over"\ntitle = "Over a preset"\nseeds = [1]\npreset = "five-round"\n'
        "[experiment]\nrounds = 2\n[experiment.datasets.breast_cancer.arms.fedavg]\nlocal_epochs = 1\n",
        "utf-8",
    )
    planned = plan_study(load_study(str(path), ["experiment.repeats=1"]), "test", tmp_path)
    settings = planned.datasets["breast_cancer"][0].settings
    assert (settings.rounds, settings.repeats) == (2, 1)
    arms = settings.datasets["breast_cancer"].arms
    assert arms["fedavg"].local_epochs == 1
    assert "pooled" in arms
    assert "paper_mock" in planned.datasets


def test_a_preset_of_ones_own_is_seen_from_the_study(tmp_path: Path):
    experiment = '[datasets.paper_mock.arms.fedavg]\nmethod = "fedavg"\n'
    (tmp_path / "base.toml").write_text(f'experiment = "base"\ntitle = "Base"\nseed = 9\n{experiment}', "utf-8")
    path = tmp_path / "over.toml"
    path.write_text('study = "over"\ntitle = "Over"\nseeds = [1]\npreset = "base.toml"\n', "utf-8")
    assert list(plan_study(load_study(str(path)), "test").datasets) == ["paper_mock"]
    path.write_text('study = "over"\ntitle = "Over"\nseeds = [1]\npreset = "five-rounds"\n', "utf-8")
    with pytest.raises(UnknownNameError, match="did you mean 'five-round'"):
        load_study(str(path))
    path.write_text('study = "over"\ntitle = "Over"\nseeds = [1]\npreset = 5\n', "utf-8")
    with pytest.raises(SettingsError, match="preset must be a name or a path"):
        load_study(str(path))
