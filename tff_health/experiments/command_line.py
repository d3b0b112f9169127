"""The command line: what users type, checked before anything heavy is imported.

Exit codes: 0 done, 2 usage or settings, 3 data, 4 interrupted (resumable), 1 anything else.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from data.errors import DataError, SettingsError, TffHealthError, UnknownNameError, nearest_name
from tff_health.experiments.apart.arguments import add_apart_arguments, hospitals_of, is_apart
from tff_health.experiments.arguments import as_typed, check_data_dir, complain, jobs, seed
from tff_health.experiments.hospital_command import add_hospital_parser
from tff_health.experiments.sample_command import add_sample_parser
from tff_health.experiments.studies.command import add_study_parser

_COMMANDS = ("run", "study", "sample", "list", "report", "data", "hospital")
_EPILOG = """\
examples:
  run_experiments.py                                   the five-round experiment, results in runs/
  run_experiments.py run five-round --set rounds=10 --seed 7
  run_experiments.py run five-round --out results --resume
  run_experiments.py study privacy-utility --quick     many runs, one report: two seeds, two epsilons
  run_experiments.py run ctgan                         synthetic patients from hospitals that pool no row
  run_experiments.py run dcgan                         synthetic chest X-rays likewise
  run_experiments.py sample model.npz --rows 500 --where sex=female --out patients.csv
  run_experiments.py data fetch heart_disease          four real hospitals, from UCI
  run_experiments.py report results other-results      several runs in one report

exit codes: 0 done, 2 usage or settings, 3 data, 4 interrupted (go on with --resume), 1 anything else"""


class _Parser(argparse.ArgumentParser):
    """One sentence and exit code 2 on wrong usage, with the nearest command suggested."""

    def error(self, message: str) -> NoReturn:
        raise UnknownNameError(f"{message}; {self.prog} --help shows what can be given.")


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = _Parser(
        prog="run_experiments.py",
        description="Privacy-preserving generative AI for healthcare on TensorFlow Federated.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    run = commands.add_parser("run", help="run an experiment: a preset's name or a TOML file")
    run.add_argument("experiment", metavar="NAME|FILE.toml", nargs="?", default="five-round")
    run.add_argument(
        "--set", dest="overrides", metavar="KEY=VALUE", action="append", default=[], help="change a setting"
    )
    run.add_argument("--seed", type=seed, help="the experiment's seed")
    run.add_argument("--out", type=Path, metavar="DIR", help="run folder (default: a new one in runs/)")
    run.add_argument("--data-dir", type=Path, metavar="DIR", help="folder with data files (or set TFF_HEALTH_DATA)")
    run.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    run.add_argument("--jobs", type=jobs, metavar="N", help="datasets or arms at a time (default: one a core)")
    run.add_argument("--tensorboard", action="store_true", help="log curves to the run folder's tensorboard/")
    add_apart_arguments(run)
    run.add_argument("--quiet", action="store_true", help="no progress, only the result")
    run.set_defaults(action=_run)

    add_study_parser(commands)
    add_sample_parser(commands)

    listing = commands.add_parser(
        "list", help="presets, studies, datasets, synthesizers, models, aggregators and metrics, one line each"
    )
    listing.set_defaults(action=_list)

    report = commands.add_parser("report", help="make report.html again from one or more run or study folders")
    report.add_argument("folders", type=Path, metavar="DIR", nargs="+")
    report.set_defaults(action=_report)

    data = commands.add_parser("data", help="check or fetch a dataset's files, or describe your own")
    actions = data.add_subparsers(
        dest="data_command", metavar="check|fetch|describe", required=True, parser_class=_Parser
    )
    for name, text in (("check", "verify files and load them"), ("fetch", "download and verify files")):
        action = actions.add_parser(name, help=text)
        action.add_argument("dataset", metavar="NAME")
        action.add_argument("--data-dir", type=Path, metavar="DIR", help="folder with data files")
        action.set_defaults(action=_data_check if name == "check" else _data_fetch)
    add_hospital_parser(commands, _Parser)
    describe = actions.add_parser("describe", help="draft schema.toml for a folder of hospitals' CSV files")
    describe.add_argument("folder", type=Path, metavar="FOLDER")
    describe.set_defaults(action=_data_describe)
    return parser


def main(words: Sequence[str]) -> int:
    """Runs one command and returns its exit code; errors that users can meet become one line on stderr."""
    arguments = list(words)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that lacks a name's letters gets their escapes, not a traceback.
        sys.stdout.reconfigure(errors="backslashreplace")
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in ("-h", "--help")):
        arguments = ["run", "five-round", *arguments]
    try:
        return _dispatch(arguments)
    except TffHealthError as error:
        complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        complain("stopped by Ctrl-C.")
        return 4
    except BrokenPipeError:
        # The reader of our output has gone (`| head`); Python must not complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _dispatch(arguments: list[str]) -> int:
    if not arguments[0].startswith("-") and arguments[0] not in _COMMANDS:
        near = nearest_name(arguments[0], _COMMANDS)
        hint = f"did you mean {near!r}?" if near else f"commands are {', '.join(_COMMANDS)}."
        raise UnknownNameError(f"unknown command {arguments[0]!r}: {hint}")
    parsed = build_parser().parse_args(arguments)
    if os.getcwd() not in sys.path:  # users' own modules, last so that they hide nothing installed
        sys.path.append(os.getcwd())
    action: Callable[[argparse.Namespace], int] = parsed.action
    return action(parsed)


def _run(parsed: argparse.Namespace) -> int:
    from tff_health.experiments.loading import load_settings

    settings = load_settings(parsed.experiment, parsed.overrides, parsed.seed)
    check_data_dir(parsed.data_dir)

    from tff_health.experiments.run_folder import check_folder, default_folder, newest_folder

    out = parsed.out
    if out is None:
        out = newest_folder(settings.experiment) if parsed.resume else default_folder(settings.experiment)
    check_folder(out, resume=parsed.resume)

    from tff_health.experiments.kinds import units
    from tff_health.experiments.present import present_datasets
    from tff_health.experiments.run import run_experiment
    from tff_health.experiments.summary import headline

    left_out: list[str] = []
    if is_apart(parsed):
        from tff_health.experiments.apart.settings import apart_settings

        settings, left_out = apart_settings(settings)
    if parsed.hospitals is None:
        settings, absent = present_datasets(settings, parsed.data_dir)
        left_out += absent
    for sentence in left_out:
        print(sentence, file=sys.stderr)
    pieces = sum(len(units(settings, name)) for name in settings.tasks)
    with hospitals_of(parsed, settings) as hospitals:
        outcome = run_experiment(
            settings,
            out,
            data_dir=parsed.data_dir,
            resume=parsed.resume,
            jobs=parsed.jobs or min(len(os.sched_getaffinity(0)), pieces),
            quiet=parsed.quiet,
            tensorboard=parsed.tensorboard,
            command=as_typed(parsed),
            hospitals=hospitals,
        )
    for sentence in outcome.refused:
        print(sentence, file=sys.stderr)
    print(headline(outcome))
    return 0


def _list(parsed: argparse.Namespace) -> int:
    from data.catalogue import datasets
    from models.catalogue import MODELS
    from tff_health.aggregators.catalogue import CATALOGUE
    from tff_health.evaluation.registry import metric_descriptions
    from tff_health.experiments.loading import presets
    from tff_health.experiments.studies.loading import studies
    from tff_health.synthesis.catalogue import SYNTHESIZERS
    from tff_health.synthesis.images.catalogue import IMAGE_SYNTHESIZERS

    sections = {
        "presets": presets(),
        "studies": studies(),
        "datasets": {
            dataset.name: f"{dataset.description} [{dataset.kind}{'' if dataset.offline else ', needs files'}]"
            for dataset in datasets()
        },
        "synthesizers": {name: description for name, (_, description) in SYNTHESIZERS.items()},
        "synthesizers of images": {name: description for name, (_, description) in IMAGE_SYNTHESIZERS.items()},
        "models": {name: description for name, (_, description) in MODELS.items()},
        "aggregators": {name: entry.description for name, entry in CATALOGUE.items()},
        "metrics": metric_descriptions(),
    }
    width = max(len(name) for section in sections.values() for name in section)
    for title, section in sections.items():
        print(f"{title}:")
        for name, description in section.items():
            print(f"  {name:<{width}}  {description}")
    return 0


def _report(parsed: argparse.Namespace) -> int:
    from tff_health.experiments.collections.folder import finished_parts, is_collection_folder
    from tff_health.experiments.extensions import load_extensions
    from tff_health.experiments.run_folder import SETTINGS_FILE, read_settings
    from tff_health.experiments.studies.folder import is_study, read_study

    if is_collection_folder(parsed.folders[0]):
        if parsed.folders[1:]:
            raise SettingsError(
                f"{parsed.folders[0]} is a study of parts, whose page has no room for other runs: name one of its "
                "parts/ first, and the study or its parts after it."
            )
        from tff_health.reporting.collections.report import make_collection_report

        print(f"Report: {make_collection_report(parsed.folders[0])}")
        return 0
    if (parsed.folders[0] / SETTINGS_FILE).exists():
        load_extensions(read_settings(parsed.folders[0]).extensions)
    elif is_study(parsed.folders[0]):
        load_extensions(read_study(parsed.folders[0]).experiment.get("extensions", []))

    from tff_health.reporting.report import make_report

    others = [
        path
        for folder in parsed.folders[1:]
        for path in (finished_parts(folder) if is_collection_folder(folder) else [folder])
        if path.resolve() != parsed.folders[0].resolve()
    ]
    print(f"Report: {make_report(parsed.folders[0], others)}")
    return 0


def _data_check(parsed: argparse.Namespace) -> int:
    from data.catalogue import check_dataset

    check_data_dir(parsed.data_dir)
    for sentence in check_dataset(parsed.dataset, parsed.data_dir):
        print(sentence)
    return 0


def _data_describe(parsed: argparse.Namespace) -> int:
    from data.hospital_tables import SCHEMA_NAME
    from data.schema_draft import draft_schema
    from data.whole_file import write_whole

    path = parsed.folder / SCHEMA_NAME
    if path.exists():
        raise DataError(f"{path} is there already: remove it, or rename it, to draft another one.")
    write_whole(path, draft_schema(parsed.folder).encode())
    print(f"{path}: put its ranges and codes right from public knowledge, then set confirmed = true.")
    print(f"Then: uv run run_experiments.py study table --data-dir {parsed.folder}")
    return 0


def _data_fetch(parsed: argparse.Namespace) -> int:
    from data.catalogue import fetch_dataset, find_dataset

    dataset = find_dataset(parsed.dataset)
    if not dataset.files:
        print(f"{dataset.name} needs no files.")
        return 0

    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task(dataset.name, total=None)
        folder = fetch_dataset(
            dataset.name, parsed.data_dir, lambda done, total: bar.update(task, completed=done, total=total)
        )
    print(f"{dataset.name}: verified files in {folder}")
    return 0
