"""What things cost on this machine, measured: `emolive bench`. Nothing here is a test that can fail."""
