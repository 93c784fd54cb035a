"""Each framework's own loss API, under the framework's own dotted names, on any backend."""
