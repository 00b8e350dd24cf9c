"""The composition root: the only file that knows both the domain and the adapters.

A function calls `compose()` when its module loads and asks for what it needs; that alone imports the adapters behind
it. Nothing connects before the first call, so that workers may fork in between.
"""

import gc
import os
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from common import telemetry
from common.clock import Clock, wall_clock
from common.http import Edge
from common.http.edge import InFlight
from common.identity import IndexKey
from common.sessions import Admission, Gate
from common.sessions.tokens import VerifiedTokens
from common.settings import Settings, SettingsError
from common.storage.key_files import KeyFiles, index_key

if TYPE_CHECKING:
    from common.accounts import Accounts, Erasing
    from common.audit import Audit
    from common.backups import Backups
    from common.conversations import Conversations
    from common.directory import Directory, Disclosure
    from common.events import EventEdge, SchedulerEdge
    from common.events.schedule import Verify
    from common.keys import Ending, Linking, Publishing, Resubmitting, Vetoing
    from common.messages import Messages
    from common.recovery import Recovery
    from common.revocations import Revocations
    from common.sessions import KeyRotation, Overview, Sessions
    from common.storage.auth import FirebaseUsers
    from common.storage.firestore.client import FirestoreClient
    from common.storage.firestore.sessions import FirestoreSessions
    from common.storage.postgres.pool import Pool
    from common.storage.postgres.quotas import PostgresQuotas
    from common.storage.postgres.sessions import PostgresSessions
    from common.storage.postgres.statements import Statements


@dataclass(frozen=True)
class Services:
    settings: Settings
    clock: Clock

    @cached_property
    def public(self) -> Edge:
        """The edge of functions that anyone may call."""
        return self._edge(None)

    @cached_property
    def guarded(self) -> Edge:
        """The edge of functions that ask who calls."""
        return self._edge(
            Gate(
                tokens=VerifiedTokens(issuer=self.settings.service_url, keys=self.token_keys),
                store=lambda: self._sessions,
                clock=self.clock,
            )
        )

    @cached_property
    def events(self) -> "EventEdge":
        """The edge of functions that Firestore calls."""
        from common.events import EventEdge
        from common.storage.firestore.events import decode_document
        from common.storage.postgres.dead_events import PostgresDeadEvents

        return EventEdge(decode=decode_document, dead_events=PostgresDeadEvents(self._pool), clock=self.clock)

    @cached_property
    def scheduler(self) -> "SchedulerEdge":
        """The edge of functions that Cloud Scheduler calls; they may take minutes."""
        from common.events import SchedulerEdge
        from common.storage.scheduler import scheduler_of

        return SchedulerEdge(http=self._edge(None, call_seconds=540.0), verify=scheduler_of(self.settings))

    def event_caller(self) -> "Verify | None":
        """Whether a token is of who brings Firestore's events; None where no token says so."""
        from common.storage.scheduler import event_caller_of

        return event_caller_of(self.settings)

    @cached_property
    def token_keys(self) -> KeyFiles:
        return KeyFiles(self.settings.signing_keys_file, self.settings.verification_keys_file)

    def accounts(self) -> "Accounts":
        from common.accounts import Accounts
        from common.storage.mail import mailer_of

        return Accounts(
            users=self._users,
            mailer=mailer_of(self.settings, self._users),
            quotas=self._quotas,
            index_key=self._index_key,
            link_page=self.settings.service_url + self.settings.link_page,
            clock=self.clock,
        )

    def erasing(self) -> "Erasing":
        from common.accounts import Erasing
        from common.storage.postgres.erasing import PostgresErasure

        return Erasing(
            erased=self._revocations,
            relations=PostgresErasure(self._pool),
            documents=self._live_sessions,
            users=self._users,
        )

    @cached_property
    def admission(self) -> Admission:
        return Admission(
            store=self._sessions, live=self._live_sessions, revoked=self._revocations, clock=self.clock
        )

    def sessions(self) -> "Sessions":
        from common.sessions import Sessions

        return Sessions(
            identities=self._users,
            store=self._sessions,
            admission=self.admission,
            quotas=self._quotas,
            keys=self.token_keys,
            index_key=self._index_key,
            issuer=self.settings.service_url,
            clock=self.clock,
        )

    def overview(self) -> "Overview":
        from common.sessions import Overview

        return Overview(store=self._sessions, clock=self.clock)

    def audit(self) -> "Audit":
        from common.audit import Audit
        from common.storage.postgres.audit import PostgresAudit

        return Audit(log=PostgresAudit(self._pool))

    def rotation(self) -> "KeyRotation":
        from common.sessions import KeyRotation
        from common.storage.key_ring import key_ring_of

        return KeyRotation(store=key_ring_of(self.settings), clock=self.clock)

    def publishing(self) -> "Publishing":
        from common.keys import Publishing
        from common.storage.postgres.chains import PostgresChains

        return Publishing(
            store=PostgresChains(self._pool),
            readers=self.admission,
            ending=self._ending,
            clock=self.clock,
        )

    def resubmitting(self) -> "Resubmitting":
        from common.keys import Resubmitting
        from common.storage.postgres.resubmissions import PostgresResubmissions

        return Resubmitting(
            store=PostgresResubmissions(self._pool),
            ending=self._ending,
            quotas=self._quotas,
            index_key=self._index_key,
            clock=self.clock,
        )

    def vetoing(self) -> "Vetoing":
        from common.keys import Vetoing
        from common.storage.postgres.chains import PostgresChains

        return Vetoing(store=PostgresChains(self._pool), clock=self.clock)

    def linking(self) -> "Linking":
        from common.keys import Linking
        from common.storage.postgres.links import PostgresLinks

        return Linking(store=PostgresLinks(self._pool), audience=self.settings.service_url, clock=self.clock)

    def directory(self) -> "Directory":
        from common.directory import Directory
        from common.storage.postgres.directory import PostgresDirectory

        return Directory(store=PostgresDirectory(self._pool), index_key=self._index_key, clock=self.clock)

    def disclosure(self) -> "Disclosure":
        from common.directory import Disclosure
        from common.storage.postgres.discovery import PostgresVisibility

        return Disclosure(store=PostgresVisibility(self._pool), clock=self.clock)

    def conversations(self) -> "Conversations":
        from common.conversations import Conversations
        from common.storage.firestore.conversations import FirestoreConversations
        from common.storage.postgres.conversations import PostgresConversations
        from common.storage.postgres.restores import PostgresRestores

        return Conversations(
            store=PostgresConversations(self._pool),
            live=FirestoreConversations(self._firestore),
            restores=PostgresRestores(self._pool),
            clock=self.clock,
        )

    def messages(self) -> "Messages":
        from common.messages import Messages
        from common.storage.firestore.messages import FirestoreMessages
        from common.storage.postgres.permits import PostgresPermits

        return Messages(
            permits=PostgresPermits(self._statements),
            log=FirestoreMessages(self._firestore),
            clock=self.clock,
        )

    def recovery(self) -> "Recovery":
        from common.recovery import Recovery
        from common.storage.postgres.key_backups import PostgresKeyBackups

        return Recovery(
            store=PostgresKeyBackups(self._pool),
            quotas=self._quotas,
            index_key=self._index_key,
            clock=self.clock,
        )

    def backups(self) -> "Backups":
        """Of the cloud's databases, or of local ones.

        Raises:
            SettingsError: a value is missing.
        """
        if self.settings.postgres_instance:
            return self._cloud_backups(self.settings.postgres_instance, self.settings.postgres_database or "")
        from common.backups import Backups
        from common.storage.backups.dump import DumpedRelations
        from common.storage.backups.emulator import EmulatorDocuments
        from common.storage.backups.folder import FolderArchive

        folder, host, dsn = (
            self.settings.backup_folder,
            self.settings.firestore_emulator,
            self.settings.postgres_dsn,
        )
        if not (folder and host and dsn):
            raise SettingsError(
                "Set BACKUP_FOLDER, FIRESTORE_EMULATOR_HOST and POSTGRES_DSN, or POSTGRES_INSTANCE in the cloud."
            )
        return Backups(
            archive=FolderArchive(folder),
            documents=EmulatorDocuments(
                folder=folder,
                host=host,
                project=self.settings.project,
                database=self.settings.firestore_database,
            ),
            relations=DumpedRelations(folder=folder, dsn=dsn),
            project=self.settings.project,
            clock=self.clock,
        )

    def _cloud_backups(self, instance: str, database: str) -> "Backups":
        from common.backups import Backups
        from common.storage.backups.bucket import BucketArchive
        from common.storage.backups.cloud_sql import CloudSqlRelations
        from common.storage.backups.firestore_admin import FirestoreDocuments

        project, bucket = self.settings.project, self.settings.backup_bucket
        return Backups(
            archive=BucketArchive(project=project, bucket=bucket),
            documents=FirestoreDocuments(
                project=project, bucket=bucket, database=self.settings.firestore_database
            ),
            relations=CloudSqlRelations(instance=instance, database=database, bucket=bucket),
            project=project,
            clock=self.clock,
        )

    def firebase(self, custom_token: str | None) -> dict[str, Any]:
        """What a client needs to sign in to Firebase and to listen to Firestore. Nothing here is secret but the token."""
        return {
            "custom_token": custom_token,
            "project": self.settings.project,
            "database": self.settings.firestore_database,
            "api_key": self.settings.identity_api_key,
            "auth_host": self.settings.auth_emulator,
            "firestore_host": self.settings.firestore_emulator,
        }

    def _edge(self, gate: Gate | None, *, call_seconds: float = 15.0) -> Edge:
        return Edge(
            service_url=self.settings.service_url,
            trusted_proxies=self.settings.trusted_proxies,
            gate=gate,
            in_flight=self._in_flight,
            call_seconds=call_seconds,
        )

    @cached_property
    def _in_flight(self) -> InFlight:
        return InFlight()

    @cached_property
    def _pool(self) -> "Pool":
        from common.storage.postgres.pool import pool_of

        return pool_of(self.settings)

    @cached_property
    def _statements(self) -> "Statements":
        from common.storage.postgres.statements import Statements

        return Statements.of(self.settings)

    @cached_property
    def _quotas(self) -> "PostgresQuotas":
        from common.storage.postgres.quotas import PostgresQuotas

        return PostgresQuotas(self._pool)

    @cached_property
    def _sessions(self) -> "PostgresSessions":
        from common.storage.postgres.sessions import PostgresSessions

        return PostgresSessions(self._pool)

    @cached_property
    def _firestore(self) -> "FirestoreClient":
        from common.storage.firestore.client import firestore_of

        return firestore_of(self.settings)

    @cached_property
    def _live_sessions(self) -> "FirestoreSessions":
        from common.storage.firestore.sessions import FirestoreSessions

        return FirestoreSessions(self._firestore)

    @cached_property
    def _revocations(self) -> "Revocations":
        from common.revocations import Revocations
        from common.storage.revocations import revocation_list_of

        return Revocations(list=revocation_list_of(self.settings), clock=self.clock)

    @cached_property
    def _ending(self) -> "Ending":
        from common.keys import Ending

        return Ending(documents=self._live_sessions, revoked=self._revocations)

    @cached_property
    def _users(self) -> "FirebaseUsers":
        from common.storage.auth import FirebaseUsers

        return FirebaseUsers(
            self.settings.project, self.settings.identity_api_key, self.settings.auth_emulator
        )

    @cached_property
    def _index_key(self) -> IndexKey:
        return index_key(self.settings.index_key_file)


@cache
def compose() -> Services:
    """The services of this process, from its environment.

    Raises:
        SettingsError: the environment lacks a value; the process should not start.
    """
    telemetry.configure()
    _spare_the_collector()
    return Services(settings=Settings.from_environment(), clock=wall_clock)


def _spare_the_collector() -> None:
    """What is loaded stays: workers share it with their master, and a collection there neither looks at it nor copies it.

    A call leaves little that only the collector frees, so that it need not come each 700 objects (docs/adr/0014).
    """
    os.register_at_fork(before=gc.freeze)
    gc.set_threshold(10_000)
