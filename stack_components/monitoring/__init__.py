"""Monitoring: Prometheus and what it scrapes, its alerts, and the dashboards."""

from stack_components.monitoring.component import SPEC, Monitoring

__all__ = ["SPEC", "Monitoring"]
