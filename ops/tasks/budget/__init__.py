"""The error budget: what the registry's availability is measured from, what has spent the budget, and what is left."""
