"""The command `hospital`: a hospital's own process, and the roster of all of them. Needs no TensorFlow."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

_DEFAULT_DAYS = 365


def add_hospital_parser(commands: Any, parser_class: type[argparse.ArgumentParser]) -> None:
    """Adds `hospital init|coordinator|roster|keys|check|worker|status` to the command line."""
    hospital = commands.add_parser("hospital", help="a hospital's own process: keys, checks, worker, status")
    actions = hospital.add_subparsers(
        dest="hospital_command",
        metavar="init|coordinator|roster|keys|check|worker|status",
        required=True,
        parser_class=parser_class,
    )

    init = actions.add_parser("init", help="make a hospital's folder: identity, settings, and its card for the roster")
    init.add_argument("folder", type=Path, metavar="DIR")
    init.add_argument("--name", required=True, help="the hospital's, in the roster and in reports")
    init.add_argument("--address", required=True, metavar="HOST:PORT", help="where the coordinator reaches it")
    init.add_argument("--listen", metavar="IP:PORT", help="where its door listens (default: the port, everywhere)")
    _add_days(init)
    init.set_defaults(action=_init)

    coordinator = actions.add_parser("coordinator", help="make the coordinator's identity")
    coordinator.add_argument("folder", type=Path, metavar="DIR")
    _add_days(coordinator)
    coordinator.set_defaults(action=_coordinator)

    roster = actions.add_parser("roster", help="put hospitals' cards together to a roster")
    roster.add_argument("roster", type=Path, metavar="ROSTER.toml", help="the file to write")
    roster.add_argument("cards", type=Path, metavar="CARD.toml", nargs="+", help="of each hospital")
    roster.add_argument("--coordinator", type=Path, required=True, metavar="DIR", help="the coordinator's identity")
    roster.set_defaults(action=_roster)

    keys = actions.add_parser("keys", help="agree to a roster: derive the secrets that masks are made of")
    keys.add_argument("folder", type=Path, metavar="DIR")
    keys.add_argument("roster", type=Path, metavar="ROSTER.toml")
    keys.set_defaults(action=_keys)

    for name, text, action in (
        ("check", "read the hospital's patients and say what is wrong with them, or what would be published", _check),
        ("worker", "read the patients and compute on them for the coordinator, until Ctrl-C", _worker),
        ("status", "what the folder holds, and whether its worker runs", _status),
    ):
        parser = actions.add_parser(name, help=text)
        parser.add_argument("folder", type=Path, metavar="DIR")
        parser.set_defaults(action=action)


def _add_days(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--days", type=int, default=_DEFAULT_DAYS, metavar="N", help="validity of the certificate")


def _init(parsed: argparse.Namespace) -> int:
    from tff_health.hospitals.hospital_folder import CARD_FILE, SETTINGS_FILE, init_hospital

    init_hospital(parsed.folder, parsed.name, parsed.address, parsed.listen, days=parsed.days)
    print(f"{parsed.folder / SETTINGS_FILE}: say there where the hospital's patients are, then run hospital check.")
    print(f"{parsed.folder / CARD_FILE}: give it to the coordinator; it holds nothing secret.")
    return 0


def _coordinator(parsed: argparse.Namespace) -> int:
    from tff_health.hospitals.identity import make_identity

    make_identity(parsed.folder, "coordinator", masks=False, days=parsed.days)
    print(
        f"{parsed.folder}: the coordinator's identity. Next: hospital roster ROSTER.toml CARD.toml... --coordinator "
        f"{shlex.quote(str(parsed.folder))}"
    )
    return 0


def _roster(parsed: argparse.Namespace) -> int:
    from tff_health.hospitals.hospital_folder import read_card, shown_fingerprint
    from tff_health.hospitals.identity import CERTIFICATE
    from tff_health.hospitals.private_files import read_private, write_new
    from tff_health.hospitals.roster import CoordinatorEntry, make_roster, roster_text

    certificate = read_private(parsed.coordinator / CERTIFICATE).decode("ascii")
    roster = make_roster(CoordinatorEntry(certificate=certificate), [read_card(card) for card in parsed.cards])
    write_new(parsed.roster, roster_text(roster).encode())
    print(f"{parsed.roster}: {len(roster.hospital)} hospitals. Give it to all of them; it holds nothing secret.")
    print(f"Fingerprint, to be compared by telephone: {shown_fingerprint(roster)}")
    return 0


def _keys(parsed: argparse.Namespace) -> int:
    from tff_health.hospitals.hospital_folder import agree, shown_fingerprint

    roster = agree(parsed.folder, parsed.roster)
    print(f"{parsed.folder}: agreed to {len(roster.hospital)} hospitals: {_listed(roster.mask_keys)}.")
    print(f"Fingerprint, to be compared by telephone: {shown_fingerprint(roster)}")
    print(f"Next: uv run run_experiments.py hospital worker {shlex.quote(str(parsed.folder))}")
    return 0


def _check(parsed: argparse.Namespace) -> int:
    from tff_health.hospitals.hospital_data import held_federations, published
    from tff_health.hospitals.hospital_folder import read_hospital

    settings = read_hospital(parsed.folder)
    for name, federation in held_federations(parsed.folder, settings):
        print(
            f"{name}: {published(federation).summary}. These numbers, names of columns, codes and classes and the "
            f"protocol would be published: {federation.protocol}"
        )
    if not settings.datasets:
        print(f"{parsed.folder} holds no dataset: name one in hospital.toml.")
    return 0


def _worker(parsed: argparse.Namespace) -> int:
    from tff_health.hospitals.serving import serve

    return serve(parsed.folder, lambda text: print(text, flush=True))


def _status(parsed: argparse.Namespace) -> int:
    from tff_health.hospitals.status import status

    sentences, healthy = status(parsed.folder)
    for sentence in sentences:
        print(sentence)
    return 0 if healthy else 1


def _listed(names: Any) -> str:
    shown = list(names)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"
