"""Training and evaluation of the models; not part of the app."""
