"""`tensorflow`, or `tf`, as of TensorFlow 2.21 and its Keras, on any backend."""
