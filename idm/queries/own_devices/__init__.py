"""What is read about devices that the body did not issue (control I4)."""
