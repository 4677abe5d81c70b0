"""What happens day by day, on the host. Knows nothing of Pulumi."""

# The version of the whole project, in this one place: CHANGELOG.md says what is in it, docs/upgrading.md how to get to it.
__version__ = "1.0.0"
