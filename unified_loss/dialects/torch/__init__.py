"""PyTorch's own names."""
