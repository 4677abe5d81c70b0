"""Monitoring: Prometheus and what it scrapes, the alerts it raises, and the dashboards that show it."""

from stack_components.monitoring.component import CONCERN, Monitoring

__all__ = ["CONCERN", "Monitoring"]
