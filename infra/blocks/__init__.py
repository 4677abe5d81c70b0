"""What a stack can set, one block for each component; `infra.settings` puts them together."""
