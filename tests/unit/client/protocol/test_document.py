"""docs/protocol.md says what the code does: its codes, types, numbers and examples are the real ones."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sealpost.protocol import bounds, encoding, envelope, identifiers, key_backup, linking
from sealpost.protocol.errors import Code, Notice
from sealpost.protocol.jws import COMPACT, Type
from tests.vectors.people import FOLDER, UIDS

TEXT = (Path(__file__).parents[4] / "docs" / "protocol.md").read_text("utf-8")


def table(heading: str) -> set[str]:
    """The code spans of the first column of the first table after ``heading``."""
    section = TEXT[TEXT.index(heading) :]
    rows = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert rows
    return set(re.findall(r"^\| `([^`]+)` ", rows[0], re.MULTILINE))


def test_every_reason_code_is_explained() -> None:
    assert table("## Reason codes") == set(Code)


def test_every_notice_is_explained() -> None:
    assert table("**Notices**") == set(Notice)


def test_every_type_is_in_the_table() -> None:
    assert table("## Signatures") - {"typ"} == set(Type) | {"at+jwt"}


def test_the_pattern_of_a_jws_is_the_one_in_use() -> None:
    assert f"`^{COMPACT.pattern}$`" in TEXT


def test_examples_are_true() -> None:
    alice, bob = UIDS["alice"], UIDS["bob"]
    assert f"`{alice}` and `{bob}` it is `{identifiers.direct_conversation(alice, bob)}`" in TEXT.replace(
        "\n  ", " "
    )
    assert f"`{identifiers.self_conversation(alice)}`" in TEXT
    assert encoding.canonical(json.loads('{"b":[1,null],"a":"x"}')) == '{"a":"x","b":[1,null]}'
    assert [envelope.padding(size) for size in (70, 256, 4097)] == [186, 0, 4095]
    assert "70 bytes has 186 zeros, one of 256 none, one of 4097 has 4095" in TEXT
    assert envelope.protected_header("...") in TEXT


@pytest.mark.parametrize("name", ["chains.json", "encryption_keys.json", "conversations.json"])
def test_statements_have_the_members_that_are_printed(name: str) -> None:
    case = json.loads((FOLDER / name).read_text("utf-8"))["accepted"][0]
    [compact] = case.get("statements", [case.get("statement")])
    members = encoding.loads(encoding.b64decode(compact.split(".")[1]))
    printed = ",".join(f'"{member}":' for member in members)
    flat = re.sub(r"\s+", "", TEXT)
    pattern = ".{0,160}?".join(re.escape(f'"{member}":') for member in members)
    assert re.search(pattern, flat), printed


@pytest.mark.parametrize(
    "number",
    [
        f"{bounds.MAX_KEY_LIFE} s",
        f"{bounds.MAX_STATEMENT} characters",
        f"{bounds.MAX_NESTING} deep",
        f"{bounds.MAX_ENVELOPE} bytes",
        f"{bounds.CLOCK_TOLERANCE} s",
        f"{bounds.MAX_BODY // 1024} KiB",
        f"every {bounds.KEY_RENEWAL // 86_400} days",
        f"{bounds.KEY_GRACE // 3600} h",
        f"pop | {bounds.POSSESSION_LIFE} s",
        f"{bounds.POSSESSION_LIFE + bounds.CLOCK_TOLERANCE} s",
        f"{bounds.LINK_LIFE // 60} minutes, {bounds.MAX_LINK_TRIES} wrong secrets",
        f"{linking.SECRET_LENGTH} and {key_backup.CODE_LENGTH} characters",
        f"key backup | {bounds.MAX_BACKUP // 1024} KiB",
        f"{bounds.MAX_PINS} accounts, {bounds.MAX_PIN_ADDRESSES} addresses each",
        f"1 to {bounds.MAX_ADDRESS} characters",
    ],
)
def test_bounds_are_the_ones_in_use(number: str) -> None:
    assert number in TEXT


def printed(text: str) -> list[str]:
    """What an example on the page has as members, in their order."""
    names: list[str] = re.findall(r'"(\w+)"(?=[:,}])', text)
    assert names
    return names


def test_what_is_signed_and_sealed_for_several_devices_is_printed_as_it_is() -> None:
    def claims(compact: str) -> Any:
        return encoding.loads(encoding.b64decode(compact.split(".")[1]))

    pop = json.loads((FOLDER / "links.json").read_text("utf-8"))["requests"]["accepted"][0]["pop"]
    assert printed(line('{"iss":uid,"aud"')) == list(claims(pop))
    backup = json.loads((FOLDER / "backups.json").read_text("utf-8"))["accepted"][0]
    header = encoding.loads(encoding.b64decode(json.loads(backup["backup"])["protected"]))
    assert [name for name in printed(line('{"alg":"dir"')) if name in header] == list(header)
    content = line('{"v":1,"uid":...,"head"')
    assert [name for name in printed(content) if name in backup["content"]] == [
        *("v", "uid", "head", "uid", "history_keys", "pins")
    ]
    assert printed(line('{"type":"pins"'))[3:] == list(backup["content"]["pins"][0])


def line(beginning: str) -> str:
    """The one indented line that begins so."""
    [found] = re.findall(rf"^ +({re.escape(beginning)}.*)$", TEXT, re.MULTILINE)
    return str(found)


def test_links_lead_somewhere() -> None:
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ")).lower().replace(" ", "-")
        for line in TEXT.splitlines()
        if line.startswith("#")
    }
    for target in re.findall(r"\]\(#([^)]+)\)", TEXT):
        assert target in headings
