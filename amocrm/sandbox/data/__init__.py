"""What an account of the sandbox holds."""
