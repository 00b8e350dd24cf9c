"""Kinds of arguments: numbers within bounds."""

import argparse
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T", int, float)
Command = Callable[..., argparse.ArgumentParser]
"""Adds a command: its name, its summary, examples; `within` the actions of another one (`add_subparsers`)."""


def descriptor(text: str) -> int:
    return _number(text, int, low=0, high=1 << 20)


def positive(text: str) -> int:
    return _number(text, int, low=1, high=1 << 31)


def minutes(text: str) -> float:
    return _number(text, float, low=1, high=720)


def seconds(text: str) -> float:
    return _number(text, float, low=0, high=1e9)


def _number(text: str, kind: Callable[[str], _T], *, low: float, high: float) -> _T:
    try:
        value = kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not a number: {text!r}") from None
    if low <= value <= high:
        return value
    raise argparse.ArgumentTypeError(f"must be {f'{high:g} or less' if value > high else f'{low:g} or more'}")
