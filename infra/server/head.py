"""The line that every file of a host begins with."""

HEAD = "Written by the Pulumi program of the private registry: a change made here is lost."
