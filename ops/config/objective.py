"""What the registry is to be, and how that is measured: Prometheus has it probed, rules and `regops budget` count the probes."""

from __future__ import annotations

# The share of probes that succeed.
OBJECTIVE = 0.995
# In seconds; every probe stands for so much time.
PROBE_INTERVAL_S = 30
# Its job at Prometheus.
PROBE_JOB = "probe"
