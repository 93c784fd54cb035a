"""MindSpore's loss API."""
