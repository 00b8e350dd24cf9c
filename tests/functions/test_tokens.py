"""Access tokens that are none, for every function that asks for one."""

import pytest

from tests.functions.arena import Arena
from tests.functions.calls import BEARERS, BODIES, CALLS, PROVEN, SCHEDULED, STATUSES, caller
from tests.functions.exchange import Ask
from tests.functions.refusals import refused, spoiled_tokens, token_claims
from tests.signing import access_token

every_bearer = pytest.mark.parametrize("name", BEARERS)


def bearing(arena: Arena, name: str, token: str) -> Ask:
    """The call with another token, and with a proof for that one."""
    ask = CALLS[name](arena).with_headers({"Authorization": f"Bearer {token}"})
    if name in PROVEN and token.isascii():
        ask = ask.changed(proof=arena.proof(name, caller(arena, name).signing, token))
    return ask


@every_bearer
def test_a_token_that_is_not_ours_for_this_session_now_is_none(arena: Arena, name: str) -> None:
    with arena.untouched():
        for why, token in spoiled_tokens(arena, caller(arena, name)):
            answer = refused(arena, bearing(arena, name, token), 401, "unauthenticated", why)
            assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize(
    "name", [name for name in BEARERS if name not in {"revoke_session", "revoke_all_sessions"}]
)
def test_a_token_is_good_until_a_moment_after_its_end(arena: Arena, name: str) -> None:
    """So the spoiled ones are refused for what they are named after, and not for how they are made."""
    kid, signing = arena.token_key
    claims = token_claims(arena, caller(arena, name))
    header = {"alg": "ES256", "typ": "at+jwt", "kid": kid}
    token = access_token(signing, header, claims | {"iat": claims["iat"] - 902, "exp": claims["iat"] - 2})
    assert arena.ask(bearing(arena, name, token)).status == STATUSES.get(name, 200)


@every_bearer
def test_without_a_token_nothing_is_read(arena: Arena, name: str) -> None:
    good = CALLS[name](arena)
    token = arena.members["alice"].access_token
    values = (
        *("", "Bearer", "Bearer ", token, f"Basic {token}", f"Digest {token}"),
        *(f"Bearer  {token}", f"Bearer {token} x", f"Bearer {token},Bearer {token}"),
    )
    with arena.untouched():
        in_the_query = Ask(good.method, f"{good.path}?access_token={token}", {}, good.body)
        refused(arena, in_the_query, 401, "unauthenticated")
        for value in values:
            unread = Ask(good.method, good.path, {"Authorization": value, "Content-Length": "9"})
            refused(arena, unread, 401, "unauthenticated", value[:20])


@every_bearer
def test_a_token_opens_nothing_once_its_session_has_ended(arena: Arena, name: str) -> None:
    member = caller(arena, name)
    opened = arena.begin(member.address, member.signing)
    token = opened["access_token"]
    proof = arena.proof("revoke_session", member.signing, token)
    body = {"session_id": opened["session_id"], "proof": proof}
    assert arena.ask(arena.post("revoke_session", body, token)).status == 204
    with arena.untouched():
        refused(arena, bearing(arena, name, token), 401, "unauthenticated")


@pytest.mark.parametrize("name", SCHEDULED)
def test_only_the_scheduler_calls_what_is_scheduled(arena: Arena, name: str) -> None:
    token = arena.scheduler_token
    others = (
        *("", "Bearer", "Bearer x", f"Bearer {token}x", f"Bearer {token[:-1]}", f"Basic {token}", token),
        *("Bearer \u00fc", f"Bearer {arena.members['alice'].access_token}"),
    )
    with arena.untouched():
        refused(arena, Ask("POST", f"/v1/{name}"), 401, "unauthenticated")
        for value in others:
            ask = Ask("POST", f"/v1/{name}", {"Authorization": value})
            refused(arena, ask, 401, "unauthenticated", value[:9])


@pytest.mark.parametrize("name", sorted(set(BODIES) - set(BEARERS)))
def test_where_anyone_may_call_a_token_says_nothing(arena: Arena, name: str) -> None:
    for token in (arena.members["alice"].access_token, "bad"):
        refused(arena, arena.post(name, {}, token), 400, "invalid-request")
