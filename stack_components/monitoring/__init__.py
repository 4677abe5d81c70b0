"""Monitoring: Prometheus and what it scrapes, the alerts it raises, and the dashboards that show it."""

from stack_components.monitoring.component import SPEC, Monitoring

__all__ = ["SPEC", "Monitoring"]
