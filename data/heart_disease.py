"""UCI Heart Disease: 920 real patients of Cleveland, Budapest (hungarian), Switzerland and Long Beach (va).

The centres' traps: `chol` is 0, not `?`, in every Swiss row and in many of Long Beach, `trestbps` is 0 once;
Hungarian `num` only takes 0 and 1; Hungarian and VA hold an exact duplicate row each; three columns are
almost wholly missing outside Cleveland.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from data.dataset_settings import HEART_DISEASE
from data.errors import DataError
from data.federation import Federation, Hospital
from data.heart_disease_files import centre_file, read_centre, require_files
from data.heart_disease_schema import ALL_FEATURES, FLAMBY, NUM
from data.hospitals import partition_rows, simulated_hospitals, stratified_split
from data.pooled_split import pooled_split_hospitals
from data.schema import Schema
from data.streams import stream

FLAMBY_SPLIT_SEED = 43
FLAMBY_TRAIN_FRACTION = 0.66
MIN_PER_CLASS = 4


def load(settings: Mapping[str, Any], *, data_dir: Path | None, seed: int) -> Federation:
    """The patients of the chosen centres, by FLamby's protocol or by the project's own.

    `flamby` follows Fed-Heart-Disease of FLamby (Ogier du Terrail et al., NeurIPS 2022): the first ten
    features, rows with a missing value among them dropped, zeros kept as values, a stratified .66/.34 split
    in each centre. `all_features` keeps thirteen features, reads zeros in `chol` and `trestbps` as missing,
    leaves missing cells as NaN for an imputer, and takes exact duplicates inside a centre out.

    Args:
        settings: `protocol` (`flamby` or `all_features`), `hospitals` (list of centres), `partition`
            (`natural`, or `iid`, `dirichlet`, `size_skew` over the centres' pooled rows),
            `simulated_hospitals` (5), `alpha` (.5) and `min_rows` (20) of such a partition, `split` (`hospital`,
            or `pooled` for scikit-learn's split of all rows before they are dealt), `test_fraction` (.34 or .25),
            `split_seed` (43 or the experiment's seed), `verify` (true).
        data_dir: folder with the files or with a folder `heart_disease` that holds them; see `data_root`.
        seed: the experiment's seed.

    Raises:
        SettingsError: a setting is unknown, out of range, or asks for more than the rows can give.
        DataError: a file is missing, is not UCI's, or cannot be parsed.
    """
    resolved = HEART_DISEASE.resolve(settings)
    flamby = resolved["protocol"] == "flamby"
    split_seed = resolved["split_seed"]
    if split_seed is None:
        split_seed = FLAMBY_SPLIT_SEED if flamby else seed
    fraction = resolved["test_fraction"]
    if fraction is None:
        fraction = 1 - FLAMBY_TRAIN_FRACTION if flamby else 0.25
    centres: tuple[str, ...] = resolved["hospitals"]
    folder = require_files(data_dir, centres)
    notes: list[str] = []
    tables: dict[str, pd.DataFrame] = {}
    for centre in centres:
        path = folder / centre_file(centre)
        raw = read_centre(path, centre, verify=resolved["verify"])
        prepare = _flamby_rows if flamby else _all_rows
        tables[centre] = prepare(raw, str(path), centre, notes)
    if flamby:
        notes.append(_zeros_note(tables))
    if not resolved["verify"]:
        notes.append("The files were not compared with UCI's own; they may have been edited.")
    schema = FLAMBY if flamby else ALL_FEATURES
    if resolved["partition"] == "natural":
        split = _flamby_split if flamby else _own_split(fraction)
        hospitals = tuple(_hospital(centre, tables[centre], split, split_seed) for centre in centres)
        dealing = ""
        notes += _single_class_notes(hospitals)
    else:
        number = resolved["simulated_hospitals"] or 5
        pooled = pd.concat(tables.values(), ignore_index=True)
        labels = _labels(pooled)
        deal = functools.partial(
            partition_rows,
            resolved["partition"],
            n=number,
            seed=split_seed,
            alpha=resolved["alpha"],
            min_rows=resolved["min_rows"],
            min_per_class=MIN_PER_CLASS,
        )
        if resolved["split"] == "pooled":
            hospitals = pooled_split_hospitals(pooled, labels, deal, fraction, split_seed)
        else:
            hospitals = simulated_hospitals(pooled, labels, deal(labels), fraction, split_seed)
        skew = "" if resolved["partition"] == "iid" else f" with alpha {resolved['alpha']:g}"
        dealing = f" The rows of {', '.join(centres)} are dealt to {number} simulated hospitals by "
        dealing += f"{resolved['partition']}{skew}."
        notes.append("The patients are real; the hospitals are simulated.")
    return Federation(
        name="heart_disease",
        title="UCI Heart Disease",
        kind="real",
        schema=schema,
        hospitals=hospitals,
        source="A. Janosi, W. Steinbrunn, M. Pfisterer, R. Detrano, Heart Disease, UCI Machine Learning "
        "Repository (1989), doi 10.24432/C52P4X",
        licence="CC BY 4.0",
        protocol=_protocol_sentence(flamby, fraction, split_seed, resolved["split"] == "pooled") + dealing,
        notes=tuple(notes),
        # FLamby's Swiss training rows are all of one class, and its figures rest on them.
        single_class_accepted=flamby and resolved["partition"] == "natural",
    )


def _flamby_rows(raw: pd.DataFrame, source: str, centre: str, notes: list[str]) -> pd.DataFrame:
    """The centre's rows without a missing value among the first ten features and the label, in file order."""
    checked = _check(FLAMBY, raw, source)
    complete = checked.dropna().reset_index(drop=True)
    if len(complete) < len(checked):
        dropped = len(checked) - len(complete)
        notes.append(f"{centre}: {dropped} of {len(checked)} rows have a missing value and are left out.")
    return complete


def _all_rows(raw: pd.DataFrame, source: str, centre: str, notes: list[str]) -> pd.DataFrame:
    """The centre's distinct rows with all features, zeros of `chol` and `trestbps` as NaN, in file order."""
    checked = _check(ALL_FEATURES, raw, source)
    # Duplicates are rows that agree in all fourteen columns of the file, num's grade included.
    numbers = raw.apply(pd.to_numeric)
    distinct = checked[~numbers.duplicated().to_numpy()].reset_index(drop=True)
    if len(distinct) < len(checked):
        removed = len(checked) - len(distinct)
        rows = "1 exact duplicate row was" if removed == 1 else f"{removed} exact duplicate rows were"
        notes.append(f"{centre}: {rows} taken out.")
    zeros = {name: int((numbers[name] == 0).sum()) for name in ("chol", "trestbps")}
    for name, count in zeros.items():
        if count:
            notes.append(
                f"{centre}: 0 in {name} is read as missing (in {count} of {len(checked)} rows, duplicates included)."
            )
    return distinct


def _check(schema: Schema, raw: pd.DataFrame, source: str) -> pd.DataFrame:
    """The rows under `schema`, its target made out of the file's `num`."""
    with_num = Schema((*schema.columns, NUM), schema.target)
    checked = with_num.check(raw.assign(**{schema.target: 0}), source)
    missing = np.flatnonzero(checked["num"].isna())
    if len(missing):
        raise DataError(f"{source}, row {missing[0] + 1}: the label 'num' is missing; drop the row or fill it in.")
    checked[schema.target] = pd.Series([int(grade > 0) for grade in checked["num"]], dtype=object)
    return checked[list(schema.names)]


def _labels(frame: pd.DataFrame) -> np.ndarray:
    return frame["condition"].to_numpy(np.int64)


Split = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]


def _flamby_split(labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """FLamby's split of one centre: scikit-learn's, stratified if every class has more than two rows."""
    levels, counts = np.unique(labels, return_counts=True)
    stratify = labels if len(levels) > 1 and (counts > 2).all() else None
    train, test = train_test_split(
        np.arange(len(labels)),
        test_size=1.0 - FLAMBY_TRAIN_FRACTION,
        train_size=FLAMBY_TRAIN_FRACTION,
        random_state=seed,
        shuffle=True,
        stratify=stratify,
    )
    return np.sort(train), np.sort(test)


def _own_split(fraction: float) -> Split:
    return lambda labels, seed: stratified_split(labels, fraction, seed)


def _hospital(centre: str, table: pd.DataFrame, split: Split, seed: int) -> Hospital:
    own_seed = seed if split is _flamby_split else int(stream(seed, "heart_disease", centre).integers(2**63))
    if len(table) < 2:
        raise DataError(f"heart_disease, {centre}: {len(table)} usable rows; leave the hospital out.")
    train, test = split(_labels(table), own_seed)
    return Hospital(centre, table.iloc[train].reset_index(drop=True), table.iloc[test].reset_index(drop=True))


def _single_class_notes(hospitals: tuple[Hospital, ...]) -> list[str]:
    notes = []
    for hospital in hospitals:
        if len(classes := np.unique(_labels(hospital.train))) == 1:
            label = ALL_FEATURES["condition"].codebook[int(classes[0])]
            notes.append(
                f"{hospital.name}: all {len(hospital.train)} training rows have the label {label!r}, so it "
                "has nothing to train a classifier on alone."
            )
    return notes


def _zeros_note(tables: Mapping[str, pd.DataFrame]) -> str:
    zeros = {centre: int((table["chol"] == 0).sum()) for centre, table in tables.items()}
    found = ", ".join(f"{centre} {count} of {len(tables[centre])}" for centre, count in zeros.items() if count)
    return (
        "As in FLamby, zeros in chol (cholesterol that was not measured) stay values, so that figures "
        f"compare: {found or 'none here'}."
    )


def _protocol_sentence(flamby: bool, fraction: float, seed: int, pooled: bool) -> str:
    if flamby:
        return (
            "FLamby's: the first ten features, rows with a missing value dropped, num > 0 as the label, "
            f"{1 - fraction:.2f}/{fraction:.2f} split in each hospital, stratified (seed {seed})."
        )
    return (
        "All thirteen features, missing values kept, exact duplicates inside a centre removed, num > 0 as "
        f"the label, {fraction:.0%} of {'all rows' if pooled else 'each hospital'} held out, stratified (seed {seed})."
    )
