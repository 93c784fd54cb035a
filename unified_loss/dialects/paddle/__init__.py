"""PaddlePaddle's loss API."""
