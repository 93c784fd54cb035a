"""The backends: one framework's array operations, tensors and gradients each."""
