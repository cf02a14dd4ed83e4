"""`make up`: starts the processes that the Procfile lists, and leaves none running when it ends."""
