"""Where the edge's access log is: the edge writes it, CrowdSec and `regops` read it."""

# Below the stack's folder.
ACCESS_LOG_FOLDER = "logs/edge"
ACCESS_LOG_FILE = "access.log"
