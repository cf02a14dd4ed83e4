"""A worker besides its tasks: its parent process, what it prepares before it forks, its pool of processes."""
