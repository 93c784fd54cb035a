"""MXNet's loss API."""
