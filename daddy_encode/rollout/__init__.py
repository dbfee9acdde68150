"""What is played where the user brings nothing: needs numpy alone; knows nothing of dumps and encoders."""
