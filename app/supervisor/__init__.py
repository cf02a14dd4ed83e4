"""What is behind `make up`: it starts what the Procfile lists, and leaves nothing behind."""
