"""What happens day by day, on the host. Knows nothing of Pulumi."""
