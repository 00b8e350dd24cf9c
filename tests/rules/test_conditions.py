"""Every condition of firestore.rules counts: the cases see it true and false, and one of them fails without it."""

import asyncio

from tests.rules.cases import READS
from tests.rules.conftest import Publish
from tests.rules.coverage import Expression, expressions, replaced
from tests.rules.world import RULES, World

UNASKED = "    match /notes/{uid} { allow create: if request.auth.uid == uid; }\n"
AT_ONCE = 4
"""Mutants that are asked side by side."""


async def wrong(world: World) -> list[str]:
    """The cases that do not hold."""
    return [str(case) for case in READS if not await case.holds(world.user(case.who))]


async def uncovered(world: World) -> list[str]:
    assert await wrong(world) == []
    return [f"{found} was never {found.lacks}" for found in await expressions(world) if found.lacks]


async def survivors(under: Publish, rules: str, *, after: int = 0) -> list[str]:
    """The conditions, from an offset on, that can be replaced by `true` without a case that fails."""
    original = await under(rules)
    await wrong(original)
    conditions = {
        (found.start, found.end): found
        for found in await expressions(original)
        if found.is_condition and found.start >= after
    }
    turns = asyncio.Semaphore(AT_ONCE)

    async def survives(condition: Expression) -> bool:
        async with turns:
            mutant = await under(replaced(rules, condition, "true"))
            for case in READS:
                if not await case.holds(mutant.user(case.who)):
                    return False
            return True

    verdicts = await asyncio.gather(*map(survives, conditions.values()))
    assert len(verdicts) > 1
    return [str(one) for one, survived in zip(conditions.values(), verdicts, strict=True) if survived]


async def test_every_condition_was_both_true_and_false(world: World) -> None:
    assert await uncovered(world) == []


async def test_no_condition_can_be_left_out(under: Publish) -> None:
    assert await survivors(under, RULES) == []


async def test_a_condition_that_nobody_asks_is_named(under: Publish) -> None:
    place = RULES.index("    match /conversations")
    line = RULES[:place].count("\n") + 1
    named = await uncovered(await under(RULES[:place] + UNASKED + RULES[place:]))
    assert named[0] == f"line {line}: request.auth.uid == uid was never any value"
    assert all(one.startswith(f"line {line}: ") for one in named)


async def test_a_condition_that_is_always_true_is_named(under: Publish) -> None:
    rules = RULES.replace("return request.query.limit", "return 1 < 2 && request.query.limit")
    named = await uncovered(await under(rules))
    assert [one.partition(": ")[2] for one in named] == ["1 < 2 was never false"]


async def test_a_condition_that_can_be_left_out_is_named(under: Publish) -> None:
    """Without a token `request.auth.uid` fails, which denies as well."""
    rules = RULES.replace("if request.auth.uid == uid", "if request.auth != null && request.auth.uid == uid")
    named = await survivors(under, rules, after=rules.index("request.auth != null"))
    assert [one.partition(": ")[2] for one in named] == ["request.auth != null"]
