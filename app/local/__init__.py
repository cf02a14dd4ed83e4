"""One machine: `make up` starts what the Procfile lists, and leaves nothing running; the embedded servers."""
