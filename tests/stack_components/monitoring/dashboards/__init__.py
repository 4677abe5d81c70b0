"""Tests of stack_components/monitoring/dashboards/."""
