"""From the losses of one framework to those of another, with what still differs, and a proof."""
