"""Stand-ins for the official Pulumi plugins, for machines that cannot download them; they never do more than those."""
