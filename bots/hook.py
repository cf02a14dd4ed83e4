"""Found by pipecat (PIPECAT_SETUP_FILES) and called as each bot's pipeline is set up, whoever wrote the bot."""

from pipecat.pipeline.worker import PipelineWorker
from pipecat.workers.runner import WorkerRunner

from greenroom.bots.stay.bot_run import BotRun


async def setup_pipeline_worker(worker: PipelineWorker) -> None:
    """Tell the run of the bot that builds it about its pipeline."""
    await BotRun.of_this_context().built(worker)


async def setup_worker_runner(_runner: WorkerRunner) -> None:
    """Nothing; pipecat complains of a file without it."""
