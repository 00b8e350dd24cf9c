"""Tables of what is refused: by the sentence of the refusal, so that each case is refused for its own reason."""

from collections.abc import Mapping
from typing import TypeVar

import pytest
from _pytest.mark import ParameterSet

Input = TypeVar("Input")


def cases(table: Mapping[str, Mapping[str, Input]]) -> list[ParameterSet]:
    """Parameters (input, sentence) of a table sentence -> name -> input."""
    return [
        pytest.param(refused, sentence, id=name)
        for sentence, named in table.items()
        for name, refused in named.items()
    ]
