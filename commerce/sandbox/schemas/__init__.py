"""Shapes of requests and resources, read from the typed classes of the installed stripe library."""
