import json
import shlex
from pathlib import Path

from scripts.local.mutation import read, to_see


def test_only_what_a_test_found_counts_as_killed(tmp_path: Path) -> None:
    for name, statuses in {
        "keys/model": {"failed": 1, "survived": 0, "without tests": 33, "not run": None},
        "keys/service": {"out of time": 36, "interrupted": 2},
    }.items():
        path = tmp_path / f"{name}.py.meta"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"exit_code_by_key": statuses}))
    mutants = read(tmp_path)
    assert mutants.total == 6
    assert set(mutants.survivors) == {"survived", "without tests", "not run", "interrupted"}
    assert round(mutants.percent, 1) == 33.3


def test_no_mutants_are_not_a_success(tmp_path: Path) -> None:
    assert read(tmp_path).percent == 0


def test_what_is_to_be_typed_holds_in_a_folder_with_a_space() -> None:
    copy, python = Path("/a b/mutation"), Path("/a b/bin/python")
    assert shlex.split(to_see(copy, python)) == [
        "cd",
        f"{copy};",
        str(python),
        "-m",
        "mutmut",
        "show",
        "NAME",
    ]
