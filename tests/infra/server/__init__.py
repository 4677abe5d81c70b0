"""Tests of infra/server/."""
