"""Tests of infra/blocks/."""
