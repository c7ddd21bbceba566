"""What a trained model attends to: arrays in, arrays out, no drawing."""
