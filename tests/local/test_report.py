from scripts.local import report
from scripts.local.report import Covered

ONE = Covered("common/keys/one.py", lines=90, lines_of=100, branches=4, branches_of=4)
TWO = Covered("common/keys/two.py", lines=100, lines_of=100, branches=5, branches_of=6)
BARE = Covered("common/errors.py", lines=10, lines_of=10, branches=0, branches_of=0)


def test_each_package_and_all_together_are_said() -> None:
    rows = [line.split() for line in report.coverage([ONE, TWO, BARE]).splitlines()]
    assert ["common/keys", "95.0", "%", "90.0", "%"] in rows
    assert ["common", "100.0", "%", "100.0", "%"] in rows
    assert ["together", "95.2", "%", "90.0", "%"] in rows


def test_the_files_that_miss_most_come_first_and_whole_ones_not_at_all() -> None:
    said = report.coverage([TWO, BARE, ONE]).partition("Most was missed in:")[2]
    assert "10 lines, 0 branches" in said.splitlines()[1]
    assert "0 lines, 1 branches" in said.splitlines()[2]
    assert "common/errors.py" not in said


def test_lines_and_branches_must_each_be_enough() -> None:
    assert report.is_enough([ONE, TWO], None)
    assert report.is_enough([ONE, TWO], 90)
    assert not report.is_enough([ONE, TWO], 90.1)  # the branches are 90 %
    assert not report.is_enough([ONE], 91)  # the lines are
