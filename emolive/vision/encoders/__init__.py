"""Frame encoders: what turns a face in one frame into a vector."""
