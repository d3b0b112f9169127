from data.errors import DataError, SettingsError, TffHealthError, UnknownNameError, clip, nearest_name


def test_exit_codes_tell_usage_from_data():
    assert TffHealthError.exit_code == 1
    assert DataError.exit_code == 3
    assert SettingsError.exit_code == UnknownNameError.exit_code == 2
    assert issubclass(UnknownNameError, TffHealthError)


def test_nearest_name_is_suggested_whatever_its_case():
    error = UnknownNameError.among("dataset", "Brest_Cancer", ["paper_mock", "breast_cancer"])
    assert str(error) == "unknown dataset 'Brest_Cancer': did you mean 'breast_cancer'?"
    assert nearest_name("CHOL", ["age", "chol"]) == "chol"


def test_without_a_near_name_the_known_ones_are_listed():
    error = UnknownNameError.among("dataset", "xyz", ["a1", "b2"])
    assert str(error) == "unknown dataset 'xyz': known are a1, b2."
    assert "known are none" in str(UnknownNameError.among("dataset", "xyz", []))


def test_a_huge_name_stays_one_readable_sentence():
    message = str(UnknownNameError.among("dataset", "<script>\n" * 10_000, ["paper_mock"]))
    assert len(message) < 200
    assert "\n" not in message


def test_clip_keeps_short_text_and_marks_long_text():
    assert clip("short") == "short"
    assert clip("x" * 100, 10) == "xxxxxxx..."
