"""emolive reads expressed emotion from webcam and microphone together, live."""
