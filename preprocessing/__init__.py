"""Prepares data sets for training: face crops, landmarks, audio, and annotations with splits by actor."""
