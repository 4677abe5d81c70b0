"""What the local stack needs on a machine that reaches package registries only: the engine, container images, test tools."""
