"""The documentation as a site: what its pages have beyond docs/, made of the sources at each build. `make docs` builds it."""
