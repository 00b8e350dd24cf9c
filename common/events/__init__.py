"""The one edge of the functions that Firestore and Cloud Scheduler call."""

from common.events.documents import DocumentChange, EventEdge, Poison, on_document
from common.events.schedule import SchedulerEdge, scheduled

__all__ = ["DocumentChange", "EventEdge", "Poison", "SchedulerEdge", "on_document", "scheduled"]
