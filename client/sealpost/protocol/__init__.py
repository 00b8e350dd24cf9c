"""Sealpost protocol, version 1: the formats and rules of docs/protocol.md as pure functions.

Nothing here opens a socket or a file or reads a clock: bytes and times come in, values or a
:class:`~sealpost.protocol.errors.ProtocolError` come out.
"""
