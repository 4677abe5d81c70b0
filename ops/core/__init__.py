"""What every other room stands on: processes, files, locks, databases, logs, exit codes, findings."""
