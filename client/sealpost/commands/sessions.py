"""The account at the service: its sessions, what happened to it, who may find it."""

import argparse

from sealpost.account import Account
from sealpost.audit import SENTENCES, AuditEntry
from sealpost.commands.showing import print_json, utc
from sealpost.errors import ExitStatus
from sealpost.program import Program
from sealpost.sessions import SessionInfo
from sealpost.terminal import local_time, neutralised, say

_SHOWN = 8
"""Characters of an id, enough to tell sessions and devices of one account apart."""


def sessions(account: Account, options: argparse.Namespace, program: Program) -> ExitStatus:
    match options.action:
        case "name":
            named = account.sessions.name(options.id, options.name)
            called = "no name" if options.name is None else neutralised(options.name)
            say(f"Session {neutralised(named.id[:_SHOWN])} has {called} now.")
        case "revoke" if options.all:
            account.sessions.revoke_all()
            say("All sessions have ended, this one too. Keys and messages stay on each device.")
            say(f"Next: {program.command('sign-up', account.address)}")
        case "revoke":
            ended = account.sessions.revoke(options.id)
            say(
                f"Session {neutralised(ended.id[:_SHOWN])} of device {neutralised(ended.device[:_SHOWN])} has ended."
            )
            say("The device stays in the account, and may sign in again with a mailed link.")
        case _:
            for one in account.sessions.list():
                _show(one, as_json=options.json)
    return ExitStatus.OK


def audit(account: Account, options: argparse.Namespace, _program: Program) -> ExitStatus:
    for entry in account.audit():
        if options.json:
            print_json(
                {"at": utc(entry.at), "act": entry.act, "device": entry.device, "session": entry.session}
            )
        else:
            print(_line(entry), flush=True)
    return ExitStatus.OK


def discovery(account: Account, options: argparse.Namespace, _program: Program) -> ExitStatus:
    account.set_discovery(is_open=options.who == "open")
    if options.who == "open":
        say("Everybody who knows your address may find you and write to you.")
    else:
        say("Only people that you have a conversation with find you from now on.")
    return ExitStatus.OK


def _show(session: SessionInfo, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "id": session.id,
                "device": session.device,
                "name": session.name,
                "created_at": utc(session.created_at),
                "seen_at": utc(session.seen_at),
                "expires_at": utc(session.expires_at),
                "current": session.current,
            }
        )
        return
    seen = local_time(session.seen_at.timestamp())
    line = f"{session.id[:_SHOWN]}  device {session.device[:_SHOWN]}  seen {seen}"
    if session.name is not None:
        line += f"  {session.name}"
    print(neutralised(line + ("  (this one)" if session.current else "")), flush=True)


def _line(entry: AuditEntry) -> str:
    about = [f"device {entry.device[:_SHOWN]}"] if entry.device else []
    about += [f"session {entry.session[:_SHOWN]}"] if entry.session else []
    what = SENTENCES.get(entry.act, entry.act)
    return neutralised(f"{local_time(entry.at.timestamp())}  {what}" + "".join(f", {one}" for one in about))


COMMANDS = {"sessions": sessions, "audit": audit, "discovery": discovery}
