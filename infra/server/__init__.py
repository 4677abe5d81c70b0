"""The server itself: files that harden a Debian 13 host, by their absolute path there, and as a part of the release."""

from infra.server.files import PART, ROOT, HostFile, host_files, host_part, server_parts

__all__ = ["PART", "ROOT", "HostFile", "host_files", "host_part", "server_parts"]
