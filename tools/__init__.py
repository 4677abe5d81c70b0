"""What works on the checkout and never runs in production: bootstrap, offline builds, emulated machines, benchmarks."""
