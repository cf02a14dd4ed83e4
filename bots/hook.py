"""Found by pipecat (PIPECAT_SETUP_FILES) and called as each bot's pipeline is set up, whoever wrote the bot."""

from pipecat.pipeline.worker import PipelineWorker
from pipecat.workers.runner import WorkerRunner

from greenroom.bots.stay.stay import Stay


async def setup_pipeline_worker(worker: PipelineWorker) -> None:
    """Tell the session that runs in this context about its pipeline."""
    await Stay.of_this_context().pipeline_built(worker)


async def setup_worker_runner(_runner: WorkerRunner) -> None:
    """Nothing; pipecat complains of a file without it."""
