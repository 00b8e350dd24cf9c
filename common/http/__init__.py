"""The one edge of every HTTP function: method, limits, caller, body in; JSON or a problem document out."""

from common.http.answers import empty, json, page
from common.http.edge import Access, Call, Edge, get, post

__all__ = ["Access", "Call", "Edge", "empty", "get", "json", "page", "post"]
