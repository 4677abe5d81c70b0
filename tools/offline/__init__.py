"""What a local stack needs on a machine that only reaches package registries: the engine, container images, test tools."""
