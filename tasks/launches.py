"""Launching bots: the task that is a bot's life in a worker's process."""

from celery import Task

from greenroom.app.rooms.failures import BotCrashed, EndUnwritten
from greenroom.tasks.celery import app, settings
from greenroom.tasks.parts import launches
from greenroom.tasks.worker import pool
from greenroom.tasks.worker.request import LaunchRequest


class LaunchTask(Task):
    Request = LaunchRequest


@app.task(base=LaunchTask, bind=True, name="bots.launch", throws=(BotCrashed, EndUnwritten))
def launch(self: Task, session_id: str, token: str) -> None:
    """Run one session's bot here until it ends.  Safe to deliver twice: one is adopted."""
    from greenroom.bots.leftovers import this_process
    from greenroom.bots.run import run

    try:
        run(
            session_id,
            token,
            host=self.request.hostname,
            job_id=self.request.id,
            settings=settings(),
            launches=launches(),
        )
    finally:
        if this_process.unfit:
            pool.retire_this_process()
