"""The dashboards as code. Only `stack_components.monitoring.dashboard_files` imports them, and only when they are rendered."""
