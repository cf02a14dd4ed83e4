"""The only place that knows pipecat: bots, and how one lives in a worker."""
