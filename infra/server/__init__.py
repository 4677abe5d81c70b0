"""The server itself: the files that harden and run a Debian 13 host, as a part of the release."""

from infra.server.files import PART, ROOT, HostFile, host_files, host_part, server_parts

__all__ = ["PART", "ROOT", "HostFile", "host_files", "host_part", "server_parts"]
