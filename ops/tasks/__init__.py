"""Tasks: each is one thing that `regops` does, with its model, its plan and its run. They never import each other."""
