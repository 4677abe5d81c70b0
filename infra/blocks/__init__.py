"""The settings of a stack, one block for each component; `infra.settings` puts them together."""
