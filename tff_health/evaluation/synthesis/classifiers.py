"""The seven classifiers that synthetic patients are judged by, each with scikit-learn's plain choices.

They are those of the paper's Table 1 (P2.4). Numeric features are imputed by the median and standardised, coded ones
imputed by the most frequent code and one-hot encoded from the codebook; all of it is fitted on the training rows alone.
One-hot entries are left unscaled; scaling them too moves the mean of the seven by less than .005 on Cleveland.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from data.errors import UnknownNameError
from data.schema import Schema

NEIGHBOURS = 5


def _logistic_regression(rows: int, seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000)


def _naive_bayes(rows: int, seed: int) -> Any:
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB()


def _knn(rows: int, seed: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(min(NEIGHBOURS, rows))


def _support_vectors(kernel: str) -> Callable[[int, int], Any]:
    def build(rows: int, seed: int) -> Any:
        from sklearn.svm import SVC

        # No probabilities: they cost a cross-validation, and the AUC needs the decision function alone.
        return SVC(kernel=kernel)

    return build


def _random_forest(rows: int, seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(random_state=seed)


_BUILDERS: dict[str, Callable[[int, int], Any]] = {
    "logistic-regression": _logistic_regression,
    "naive-bayes": _naive_bayes,
    "knn": _knn,
    "svc-linear": _support_vectors("linear"),
    "svc-rbf": _support_vectors("rbf"),
    "svc-poly": _support_vectors("poly"),
    "random-forest": _random_forest,
}

CLASSIFIERS = {
    "logistic-regression": "logistic regression (L2, C = 1)",
    "naive-bayes": "Gaussian naive Bayes",
    "knn": f"{NEIGHBOURS} nearest neighbours",
    "svc-linear": "support vector machine, linear kernel (C = 1)",
    "svc-rbf": "support vector machine, RBF kernel (C = 1, gamma 'scale')",
    "svc-poly": "support vector machine, cubic kernel (C = 1, gamma 'scale')",
    "random-forest": "random forest of 100 trees",
}
"""Name -> what it is, in the order of the paper's Table 1."""


def build_classifier(name: str, schema: Schema, rows: int, seed: int = 0) -> Any:
    """A scikit-learn pipeline that takes rows as `Schema.encode` gives them; the target's column is not looked at.

    Args:
        name: one of `CLASSIFIERS`.
        schema: of the rows.
        rows: how many it will be fitted on; nearest neighbours cannot ask for more.
        seed: of the random forest, 0 or more.

    Raises:
        UnknownNameError: there is no such classifier.
    """
    from sklearn.pipeline import make_pipeline

    return make_pipeline(_preparation(schema), bare_classifier(name, rows, seed))


def bare_classifier(name: str, rows: int, seed: int = 0) -> Any:
    """The scikit-learn classifier alone, for entries that need no preparation; arguments as in `build_classifier`.

    Raises:
        UnknownNameError: there is no such classifier.
    """
    if name not in _BUILDERS:
        raise UnknownNameError.among("classifier", name, _BUILDERS)
    return _BUILDERS[name](rows, seed)


def _preparation(schema: Schema) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    positions = {name: index for index, name in enumerate(schema.names)}
    numeric = [positions[column.name] for column in schema.features if column.is_numeric]
    coded = [column for column in schema.features if not column.is_numeric]
    # A column without a single value (a hospital that never measured it, a collapsed generator) becomes a constant.
    numbers = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
    codes = make_pipeline(
        SimpleImputer(strategy="most_frequent", keep_empty_features=True),
        OneHotEncoder(
            categories=[np.arange(len(column.codes), dtype=np.float64) for column in coded], sparse_output=False
        ),
    )
    return ColumnTransformer([("numbers", numbers, numeric), ("codes", codes, [positions[c.name] for c in coded])])
