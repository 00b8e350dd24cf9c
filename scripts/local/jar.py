"""The Firestore emulator's jar: named, beside the Google Cloud CLI, in firebase-tools' cache, or Google's own download."""

import hashlib
import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path

from scripts.local.layout import Layout
from scripts.local.say import Step, Stop

# What firebase-tools 14.27.0 fetches itself: lib/emulator/downloadableEmulatorInfo.json.
URL = "https://storage.googleapis.com/firebase-preview-drop/emulator/cloud-firestore-emulator-v1.19.8.jar"
SIZE = 63_634_791
SHA256 = "9d43599ed6151199e8d604dc87fac51218e49e5f3a48519b1ae560bbe5e3382d"

CURE = (
    "Install it another way: gcloud components install cloud-firestore-emulator (Debian: apt-get install "
    "google-cloud-cli-firestore-emulator), or npx firebase-tools setup:emulators:firestore, or set FIRESTORE_EMULATOR_JAR to its path."
)
_IN_SDK = Path("platform/cloud-firestore-emulator/cloud-firestore-emulator.jar")


def find(layout: Layout) -> Path | None:
    """The jar.

    Raises:
        Stop: FIRESTORE_EMULATOR_JAR names no file.
    """
    if named := os.environ.get("FIRESTORE_EMULATOR_JAR"):
        if not Path(named).is_file():
            raise Stop(f"FIRESTORE_EMULATOR_JAR names {named}, which is no file.")
        return Path(named)
    for sdk in _sdks():
        if (sdk / _IN_SDK).is_file():
            return sdk / _IN_SDK
    cached = Path.home() / ".cache" / "firebase" / "emulators"
    jars = sorted(cached.glob("cloud-firestore-emulator-v*.jar"), key=_version)
    if jars:
        return jars[-1]
    ours = layout.parts / URL.rpartition("/")[2]
    return ours if ours.is_file() else None


def fetch(layout: Layout, step: Step) -> None:
    """Download the jar and check its hash.

    Raises:
        Stop: the download failed or is another file.
    """
    done = layout.parts / URL.rpartition("/")[2]
    new = done.with_name(f"{done.name}.new")
    new.parent.mkdir(parents=True, exist_ok=True)
    seen = hashlib.sha256()
    got = 0
    try:
        with urllib.request.urlopen(URL, timeout=60) as answer, new.open("wb") as file:
            while block := answer.read(1 << 18):
                file.write(block)
                seen.update(block)
                got += len(block)
                step.note = f"{got >> 20} of {SIZE >> 20} MB"
    except (OSError, urllib.error.URLError) as error:
        reason = getattr(error, "reason", None) or error
        raise Stop(f"{URL} cannot be downloaded: {reason}. {CURE}") from None
    if seen.hexdigest() != SHA256:
        new.unlink()
        raise Stop(
            f"{URL} is not the file it should be (SHA-256 {seen.hexdigest()}). Nothing was kept. {CURE}"
        )
    new.rename(done)


def _sdks() -> list[Path]:
    gcloud = shutil.which("gcloud")
    named = os.environ.get("CLOUDSDK_ROOT_DIR")
    return [
        *([Path(named)] if named else []),
        *([Path(gcloud).resolve().parents[1]] if gcloud else []),
        Path("/usr/lib/google-cloud-sdk"),
        Path("/opt/google-cloud-sdk"),
        Path("/opt/homebrew/share/google-cloud-sdk"),
        Path.home() / "google-cloud-sdk",
    ]


def _version(jar: Path) -> list[int]:
    return [int(number) for number in jar.stem.rpartition("-v")[2].split(".") if number.isdigit()]
