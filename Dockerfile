# One image for all processes; what runs is said by the command (see docker-compose.yml).
#
#   docker build -t greenroom .
#   docker build -t greenroom --build-arg LOCK=requirements-run.lock .   # without the demo speech: 100 MB less

ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY scripts/bootstrap.lock scripts/
RUN pip install --no-cache-dir --require-hashes -r scripts/bootstrap.lock \
    && python -m venv --without-pip /venv
ARG LOCK=requirements-demo.lock
COPY ${LOCK} ./
RUN uv pip install --no-cache --python /venv/bin/python --compile-bytecode --require-hashes -r ${LOCK}
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY app app
COPY bots bots
COPY greenroom greenroom
COPY tasks tasks
RUN uv pip install --no-cache --python /venv/bin/python --no-deps --no-build-isolation --editable . \
    && /venv/bin/python -m compileall -q app bots tasks

FROM python:${PYTHON}-slim
RUN useradd --uid 10001 --create-home --home-dir /var/lib/greenroom greenroom
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/tmp/numba \
    HOST=0.0.0.0 \
    FLOWER_HOST=0.0.0.0 \
    EVENTS_HOST=0.0.0.0 \
    LOG_FORMAT=json \
    VAR_DIR=/var/lib/greenroom
USER greenroom
VOLUME /var/lib/greenroom
EXPOSE 7077
CMD ["gunicorn", "--config", "python:greenroom.app.gunicorn.config", "greenroom.app.web:create_app()"]
