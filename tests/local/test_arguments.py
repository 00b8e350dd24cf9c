import pytest

from scripts.local.arguments import LONG_PARTS, PARTS, read_test


def test_all_parts_run_unless_some_are_named() -> None:
    assert (read_test([]).parts, read_test([]).long) == (PARTS, False)
    assert read_test(["--long"]).parts == PARTS + LONG_PARTS
    assert read_test(["--long", "--part", "unit", "--part", "e2e"]).parts == ("unit", "e2e")


@pytest.mark.parametrize("part", LONG_PARTS)
def test_a_long_part_that_is_named_is_run_whole(part: str) -> None:
    assert read_test(["--part", part]).long


def test_other_words_go_to_pytest() -> None:
    assert read_test(["--coverage", "tests/unit", "-k", "envelope"]).pytest == (
        "tests/unit",
        "-k",
        "envelope",
    )


def test_each_run_has_an_order_of_its_own_unless_it_repeats_one() -> None:
    assert read_test([]).seed != read_test([]).seed
    assert read_test(["--seed", "7"]).seed == 7


def test_a_seed_that_nothing_would_heed_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_test(["--seed", "7", "tests/unit"])
    assert "--randomly-seed" in capsys.readouterr().err


def test_a_least_without_a_measurement_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert read_test(["--coverage", "--least", "95"]).least == 95
    with pytest.raises(SystemExit):
        read_test(["--least", "95"])
    assert "--least goes with --coverage" in capsys.readouterr().err
