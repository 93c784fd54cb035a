"""`tf.compat.v1`: what TensorFlow 1 programs call."""
