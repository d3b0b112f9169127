"""What the columns of the UCI Heart Disease files mean, after its documentation (heart-disease.names)."""

from __future__ import annotations

from dataclasses import replace

from data.schema import Column, Schema

RAW_COLUMNS = (
    "age",
    "sex",
    "cp",
    "trestbps",
    "chol",
    "fbs",
    "restecg",
    "thalach",
    "exang",
    "oldpeak",
    "slope",
    "ca",
    "thal",
    "num",
)
"""The 14 columns of the processed files, which have no header."""

ZERO_MEANS_MISSING = ("trestbps", "chol")
"""Columns where the files write 0 for a measurement that nobody took."""

TARGET = Column(
    "condition",
    "binary",
    codebook={0: "no heart disease", 1: "heart disease"},
    description="a coronary artery narrowed by more than half (num above 0)",
)

NUM = Column(
    "num",
    "categorical",
    codebook={0: "none", 1: "grade 1", 2: "grade 2", 3: "grade 3", 4: "grade 4"},
    description="angiographic disease status; Hungarian only tells 0 from 1",
)

FEATURES = (
    Column("age", "integer", bounds=(18, 100), unit="years", quasi_identifier=True, description="age"),
    Column("sex", "binary", codebook={0: "female", 1: "male"}, quasi_identifier=True, description="sex"),
    Column(
        "cp",
        "categorical",
        codebook={1: "typical angina", 2: "atypical angina", 3: "non-anginal pain", 4: "asymptomatic"},
        description="type of chest pain",
    ),
    Column(
        "trestbps",
        "integer",
        bounds=(60, 250),
        unit="mmHg",
        missing_codes=(0.0,),
        description="blood pressure at rest, on admission",
    ),
    Column(
        "chol",
        "integer",
        bounds=(50, 700),
        unit="mg/dL",
        missing_codes=(0.0,),
        description="serum cholesterol",
    ),
    Column(
        "fbs",
        "binary",
        codebook={0: "up to 120 mg/dL", 1: "above 120 mg/dL"},
        description="fasting blood sugar",
    ),
    Column(
        "restecg",
        "categorical",
        codebook={0: "normal", 1: "ST-T wave abnormality", 2: "left ventricular hypertrophy"},
        description="electrocardiogram at rest",
    ),
    Column("thalach", "integer", bounds=(40, 230), unit="beats/min", description="highest heart rate reached"),
    Column("exang", "binary", codebook={0: "no", 1: "yes"}, description="angina induced by exercise"),
    Column("oldpeak", "continuous", bounds=(-5.0, 10.0), description="ST depression by exercise relative to rest"),
    Column(
        "slope",
        "categorical",
        codebook={1: "upsloping", 2: "flat", 3: "downsloping"},
        description="slope of the peak exercise ST segment",
    ),
    Column("ca", "integer", bounds=(0, 3), unit="vessels", description="major vessels coloured by fluoroscopy"),
    Column(
        "thal",
        "categorical",
        codebook={3: "normal", 6: "fixed defect", 7: "reversible defect"},
        description="thallium stress test",
    ),
)


def _zeros_as_values(column: Column) -> Column:
    assert column.bounds is not None
    return replace(column, bounds=(0.0, column.bounds[1]), missing_codes=())


ALL_FEATURES = Schema((*FEATURES, TARGET), target="condition")
"""The project's protocol: thirteen features, zeros in trestbps and chol read as missing."""

FLAMBY = Schema(
    (
        *(_zeros_as_values(c) if c.name in ZERO_MEANS_MISSING else c for c in FEATURES[:10]),
        TARGET,
    ),
    target="condition",
)
"""FLamby's protocol: the first ten features, zeros in trestbps and chol kept as values."""
