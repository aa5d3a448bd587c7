# The service with its model, as `make setup` installs it. To run it:
#
#   docker run --read-only --tmpfs /tmp -p 127.0.0.1:8000:8000 \
#     -e STAR_FEEDBACK_API_KEY_DIGESTS=<SHA-256 of a key> star-feedback
#
# Both stages have the same Python at the same place, so that .venv can move between them.
# The tags are exact; a registry of your own may add their digests (python:...@sha256:...).

FROM python:3.11.15-bookworm AS build
WORKDIR /app
COPY Makefile pyproject.toml requirements.lock README.md ./
COPY service service
RUN make setup LOCK=requirements.lock

FROM python:3.11.15-slim-bookworm
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH \
    STAR_FEEDBACK_JOBS_DIR= \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    OMP_NUM_THREADS=1 \
    OPENBLAS_NUM_THREADS=1 \
    MKL_NUM_THREADS=1 \
    STAR_FEEDBACK_HOST=0.0.0.0 \
    STAR_FEEDBACK_PORT=8000
COPY --from=build /app /app
COPY models models
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["star-feedback", "serve"]
