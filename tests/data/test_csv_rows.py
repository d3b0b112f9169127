import numpy as np
import pytest

from data.csv_rows import read_csv_rows
from data.errors import DataError


def test_cells_stay_text_and_missing_marks_become_nan():
    frame = read_csv_rows(b"a,b\n 1 ,x\n?,\nNA,NaN\n", "f.csv")
    assert frame["a"].tolist()[0] == "1"
    assert frame.isna().to_numpy().tolist() == [[False, False], [True, True], [True, True]]


@pytest.mark.parametrize("content", [b"a,b\r\n1,2\r\n", b"\xef\xbb\xbfa,b\n1,2", b'a,b\r1,"2"\r', b"a,b\n1,2\n\n\n"])
def test_line_ends_quotes_and_byte_order_marks(content):
    frame = read_csv_rows(content, "f.csv")
    assert list(frame.columns) == ["a", "b"]
    assert frame.to_numpy().tolist() == [["1", "2"]]


def test_header_only_gives_no_rows_and_keeps_the_columns():
    frame = read_csv_rows(b"a,b\n", "f.csv")
    assert (len(frame), list(frame.columns)) == (0, ["a", "b"])


def test_given_header_for_files_without_one():
    assert read_csv_rows(b"1,2\n", "f.csv", header=["a", "b"])["b"].tolist() == ["2"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "f.csv is empty"),
        (b"\n\n", "f.csv is empty"),
        (b"a,b\n1,2\n3\n4,5\n", "f.csv, line 3: 1 of 2 columns; correct the line"),
        (b"a,b\n1,2\n3", "f.csv, line 3: 1 of 2 columns; the file looks cut short"),
        (b"a,b\n1,2,3\n4,5\n", "line 2: 3 of 2 columns"),
        (b"a,b\n\n1,2\n", "line 2: 0 of 2 columns"),
        (b"a,a\n1,2\n", "two columns 'a'"),
        (b"a,b\n1,\xff\n", r"line 2: not UTF-8 text; save the file as a CSV in UTF-8"),
        (b'a,b\n1,"2\n', r"not readable as comma-separated values"),
        (b'a,b\n1,"2"x\n', r"line 2: not readable"),
        (b"a,b\n1," + b"x" * 200_000, "not readable"),
    ],
)
def test_faults_name_file_and_line(content, message):
    with pytest.raises(DataError, match=message):
        read_csv_rows(content, "f.csv")


def test_an_empty_file_without_header_is_empty_too():
    with pytest.raises(DataError, match="is empty"):
        read_csv_rows(b"\n", "f.data", header=["a"])


def test_strange_cells_are_only_text():
    frame = read_csv_rows(b"a\n=cmd()\n<script>\n../x\n", "f.csv")
    assert frame["a"].tolist() == ["=cmd()", "<script>", "../x"]
    assert frame.dtypes["a"] == np.dtype(object)
