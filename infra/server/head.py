"""The first line of every file on a server."""

HEAD = "Written by the Pulumi program of the private registry. Changes made here are overwritten."
