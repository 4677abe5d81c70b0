"""Names below a stack's folder that the program and the commands of the standard library only agree on."""

# Below the folder of secrets: `<digest>/<name>` for each content, so that a container can go back to what it has read.
SECRET_VERSIONS = ".versions"  # noqa: S105  # a path
# Where hot-reloaded parts are, and below the folder of secrets the secret files that running services take in. Containers have
# these folders mounted: another name would replace them.
LIVE = "live"
# The link to the release in force.
CURRENT = "current"
# What is mirrored: the file, the part of the release that brings it, and the folder of the host's own copy.
CATALOGUE_FILE, CATALOGUE_PART, MIRROR_FOLDER = "catalogue.yml", "catalogue", "data/mirror"
