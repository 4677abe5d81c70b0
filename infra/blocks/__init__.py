"""What a stack can set, a block for each concern; `infra.settings` puts them together."""
