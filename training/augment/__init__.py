"""Augmentations of windows and of face crops, one module each.

To add one, write a class of `WindowAugmentation` or `ImageAugmentation` and register it in
`emolive.plugins.AUGMENTATIONS`. Its fields become options of the training commands; nothing else has to be
changed. `examples/plugin_augmentation.py` is a complete example.
"""
