"""The labels of everything that a stack creates in a Docker engine."""

# Whose it is: the stack's name, and its folder on this host.
NAME_LABEL, ROOT_LABEL = "private-registry.name", "private-registry.root"
# In which repair it was made anew, if it was.
REVISION_LABEL = "private-registry.revision"
# Of containers: the service, and the version of its image.
SERVICE_LABEL, VERSION_LABEL = "private-registry.service", "private-registry.version"
