"""The losses of `mindspore.mint.nn` as of MindSpore 2.10.0, on any backend."""
