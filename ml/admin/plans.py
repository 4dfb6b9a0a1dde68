"""What happens by itself, in the admin."""
