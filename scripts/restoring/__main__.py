"""`scripts/restore`: which backups there are, one of them into new databases, and those admitted."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from common.backups.looking import Listed, listed
from scripts.local import parts
from scripts.local.layout import Layout
from scripts.local.ports import Ports
from scripts.local.processes import Interrupted, Processes, interruptible
from scripts.local.runs import the_only_one
from scripts.local.say import Progress, Stop
from scripts.local.serving import Serving
from scripts.local.stack import PROJECT, Backing, make_folders, start_backing
from scripts.restoring.restore import Place, Restore, admit, restored, stage_of

_HELP = """Restore a backup of what scripts/run keeps in .local/run, or of a deployment: into a new Firestore database and a
new PostgreSQL database, never over living ones. Nothing is served from them until they are admitted."""


@contextmanager
def opened(layout: Layout, progress: Progress) -> Iterator[Place]:
    """The databases of .local/run, served to nobody; what was written is kept when the block ends.

    Raises:
        Stop: scripts/run is running on them, or a part failed.
    """
    data = layout.data("run")
    with the_only_one(data):
        make_folders(data)
        serving = Serving.read(data)
        processes = Processes(data / "logs")
        try:
            backing = start_backing(
                processes,
                parts.find(layout),
                layout,
                progress,
                ports=Ports.free(),
                data=data,
                database=serving.relations,
                lasting=True,
            )
            yield Place(layout=layout, backing=backing, project=PROJECT)
        finally:
            processes.close()


def main(words: list[str]) -> int:
    parser = _arguments()
    arguments = parser.parse_args(words)
    if (arguments.project is None) != (arguments.region is None):
        parser.error("a deployment is named by both --project and --region")
    layout, progress = Layout(), Progress()
    try:
        with interruptible():
            if arguments.project:
                _in_cloud(arguments, progress)
            elif arguments.what == "list":
                _list(layout, progress)
            elif arguments.what == "restore":
                _restore(layout, progress, arguments.name, dry=arguments.dry_run)
            else:
                _admit(layout, progress, arguments.name)
    except Interrupted as interrupted:
        return 128 + interrupted.number
    except (Stop, OSError) as error:
        print(f"restore: {error}", file=sys.stderr)
        return 1
    return 0


def _in_cloud(arguments: argparse.Namespace, progress: Progress) -> None:
    from scripts.restoring import cloud  # imports Google's libraries, which a laptop's restore needs not

    with cloud.spoken():
        place = cloud.Deployment.of(arguments.project, arguments.region)
        if arguments.what == "list":
            _show(listed(place.archive, place.project), f"gs://{place.bucket}", progress)
            return
    restore = cloud.CloudRestore(place, arguments.name, progress)
    if arguments.what == "admit":
        restore.admit()
    elif arguments.dry_run:
        restore.plan()
    else:
        restore.run()
        progress.line(f"`admit {arguments.name}` says how people are let in.")


def _list(layout: Layout, progress: Progress) -> None:
    place = _unopened(layout)
    _show(listed(place.archive, place.project), str(place.folder), progress)


def _show(found: Sequence[Listed], where: str, progress: Progress) -> None:
    if not found:
        progress.line(f"There are no backups in {where}.")
    for each in found:
        age = "-" if each.age is None else f"{each.age / 3600:.1f} h"
        size = "-" if each.bytes is None else f"{each.bytes:,} bytes"
        progress.line(
            f"{each.name:<13} {age:>9} {size:>18}  {each.state}{f': {each.reason}' if each.reason else ''}"
        )


def _restore(layout: Layout, progress: Progress, name: str, *, dry: bool) -> None:
    if dry:
        Restore(_unopened(layout), name, progress).plan()
        return
    with opened(layout, progress) as place:
        _run(place, name, progress)
    progress.line(f"Let people in with `scripts/restore admit {name}`.")


def _run(place: Place, name: str, progress: Progress) -> None:
    served = Serving.read(place.backing.data).documents
    Restore(place, name, progress, lambda pair: place.backing.export(PROJECT, served, pair.documents)).run()


def _admit(layout: Layout, progress: Progress, name: str) -> None:
    with opened(layout, progress) as place:
        pair, stage = restored(name), stage_of(place, name)
        if stage == "ready":  # what was ended since is replayed, and all of it looked at once more
            _run(place, name, progress)
        elif stage != "admitted":
            raise Stop(f"{pair.relations} is not ready: run `scripts/restore restore {name}` first.")
        admit(place, name)
    progress.line(f"The next scripts/run serves {pair.documents} and {pair.relations}.")


def _unopened(layout: Layout) -> Place:
    """The folders alone: no part is started."""
    data = layout.data("run")
    return Place(layout=layout, backing=Backing(Ports.free(), data, data), project=PROJECT)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("scripts/restore", description=_HELP, allow_abbrev=False)
    parser.add_argument("--project", help="of a deployment, by gcloud")
    parser.add_argument("--region", help="of the same deployment")
    what = parser.add_subparsers(dest="what", required=True)
    what.add_parser("list", help="the backups that there are: age, size, state")
    restore = what.add_parser("restore", help="restore one into new databases; run again, it goes on")
    restore.add_argument("name", metavar="NAME", help="as `list` shows it, such as 2026-11-22")
    restore.add_argument(
        "--dry-run", action="store_true", help="check the backup, say what would be done, write nothing"
    )
    admit = what.add_parser(
        "admit", help="have the next scripts/run serve a restored pair; of a deployment, say what to deploy"
    )
    admit.add_argument("name", metavar="NAME")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
