import json
from collections.abc import Callable
from typing import Any

import pytest

from common.backups import BackupRefused, Manifest
from common.backups.model import Object, _digest, is_name, rfc3339, seconds

PROJECT, NAME = "demo-sealpost", "2026-11-22"
MANIFEST = Manifest(
    project=PROJECT,
    name=NAME,
    at="2026-11-22T03:15:00Z",
    finished_at="2026-11-22T03:25:00Z",
    objects=(Object(name="documents/all/output-0", bytes=8, crc32c="AAAAAA=="),),
    documents=7,
    migration="0003_devices.sql",
    rows={"accounts": 2, "members": 0},
)


def read(content: bytes) -> Manifest:
    return Manifest.read(content, project=PROJECT, name=NAME)


def test_a_manifest_comes_back_as_it_was_written() -> None:
    assert read(MANIFEST.write()) == MANIFEST
    assert MANIFEST.size == 8
    assert set(json.loads(MANIFEST.write())) == {
        *("version", "project", "name", "at", "finished_at"),
        *("objects", "documents", "relations", "digest"),
    }


def test_a_flipped_bit_anywhere_is_refused_or_changes_nothing() -> None:
    """Nothing: where it stands between the members."""
    content = MANIFEST.write()
    for place in range(len(content)):
        for bit in range(8):
            flipped = bytearray(content)
            flipped[place] ^= 1 << bit
            try:
                assert read(bytes(flipped)) == MANIFEST
            except BackupRefused:
                continue
            assert content[place : place + 1] in b" \n", content[place : place + 1]


def test_a_truncated_manifest_is_refused() -> None:
    content = MANIFEST.write()
    for length in range(len(content) - 2):
        with pytest.raises(BackupRefused):
            read(content[:length])


def test_a_manifest_of_another_project_or_backup_is_refused() -> None:
    with pytest.raises(BackupRefused, match="another project"):
        Manifest.read(MANIFEST.write(), project="demo-other", name=NAME)
    with pytest.raises(BackupRefused, match="another backup"):
        Manifest.read(MANIFEST.write(), project=PROJECT, name=f"{NAME}.2")


def changed(change: Callable[[dict[str, Any]], Any]) -> bytes:
    """With a digest that fits."""
    members = json.loads(MANIFEST.write())
    members.pop("digest")
    change(members)
    return json.dumps(members | {"digest": _digest(members)}).encode()


def test_a_manifest_of_an_unknown_version_is_refused_by_that_name() -> None:
    for version in (1, 3, None, "2"):
        with pytest.raises(BackupRefused, match="version 2"):
            read(changed(lambda members, version=version: members.update(version=version)))  # type: ignore[misc]


@pytest.mark.parametrize(
    "change",
    [
        lambda members: members.pop("documents"),
        lambda members: members.update(more=1),
        lambda members: members.update(documents=True),
        lambda members: members.update(documents="7"),
        lambda members: members.update(documents=-1),
        lambda members: members.update(at="yesterday"),
        lambda members: members.update(at=None),
        lambda members: members.update(at="2026-11-22T03:15:00+00:00"),
        lambda members: members.update(relations=[]),
        lambda members: members["relations"].update(migration=3),
        lambda members: members["relations"]["rows"].update(accounts=None),
        lambda members: members["relations"].update(rows=[1]),
        lambda members: members["relations"].update(more=1),
        lambda members: members.update(objects={}),
        lambda members: members["objects"][0].update(bytes=-1),
        lambda members: members["objects"][0].update(crc32c="AAAA"),
        lambda members: members["objects"][0].update(more=1),
        *(
            lambda members, name=name: members["objects"][0].update(name=name)
            for name in ("", "/etc/passwd", "../begun.json", "documents/../../x", "documents//x", 7)
        ),
    ],
)
def test_a_manifest_that_cannot_be_is_refused(change: Callable[[dict[str, Any]], Any]) -> None:
    with pytest.raises(BackupRefused, match="member"):
        read(changed(change))


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"\xff", b'"x"', b"[" * 100_000])
def test_what_is_no_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(BackupRefused, match="no JSON object"):
        read(content)


def test_names_of_backups() -> None:
    assert [name for name in ("2026-11-22", "2026-11-22.2", "2026-11-22.3") if is_name(name)]
    others = (
        "2026-11-22.1",
        "2026-11-22.4",
        "2026-11-22/",
        "2026-11-2",
        ".2026-11-22",
        "2026-11-22\n",
        "\u0662026-11-22",
    )
    assert not [name for name in others if is_name(name)]


def test_times_are_of_whole_seconds_in_utc() -> None:
    assert rfc3339(1_795_318_500.9) == "2026-11-22T03:35:00Z"
    assert seconds("2026-11-22T03:35:00Z") == 1_795_318_500
