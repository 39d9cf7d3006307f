"""Pretraining of a face encoder (backbone) on images of single faces."""
