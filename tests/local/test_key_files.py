import json
from pathlib import Path

from scripts.local.key_files import make


def test_secrets_are_made_once_and_are_their_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    files = make(folder, smtp_url="smtp://127.0.0.1:1")
    before = {path.name: path.read_text() for path in folder.iterdir()}
    make(folder, smtp_url="smtp://127.0.0.1:2")
    after = {path.name: path.read_text() for path in folder.iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"smtp-url"}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    private, public = (
        json.loads(path.read_text())["keys"] for path in (files.signing_keys, files.verification_keys)
    )
    current, following = ({name: value for name, value in key.items() if name != "d"} for key in private)
    assert public == [following, current]
    assert {(key["alg"], key["use"], len(key["kid"])) for key in public} == {("ES256", "sig", 43)}
