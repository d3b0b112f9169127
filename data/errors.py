"""Errors a user can meet: each says what is wrong, where, and what to do about it."""

from __future__ import annotations


class TffHealthError(Exception):
    """Base of every error that the project raises on purpose.

    The command line prints `str(error)` as one sentence, without a traceback, and exits with `exit_code`.
    The class lives in `data/` because imports point downwards and both halves of the house raise it.
    """

    exit_code = 1


class DataError(TffHealthError):
    """Patients' data that cannot be used: names the file or hospital, the column and the remedy."""

    exit_code = 3
