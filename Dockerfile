# The bot with the versions of uv.lock, without development tools. It does not run as root.
# Each RUN step also works by hand on Debian.

FROM python:3.13-slim-bookworm AS build
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_PYTHON=/usr/local/bin/python3 \
    UV_PYTHON_DOWNLOADS=never
RUN python -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir uv==0.13.9
WORKDIR /opt/clapper
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN /opt/uv/bin/uv sync --frozen --no-default-groups --no-install-project
COPY bot bot
COPY cogs cogs
# The .rlib of c2pa is only for Rust's linker, and has 31 MB.
RUN /opt/uv/bin/uv sync --frozen --no-default-groups --no-editable \
    && rm -f .venv/lib/python3*/site-packages/c2pa/libs/*.rlib \
    && .venv/bin/python -I -c 'from bot.i18n.translations import compile_catalogs; compile_catalogs()'

FROM python:3.13-slim-bookworm
RUN groupadd --gid 10001 clapper \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data \
        --shell /usr/sbin/nologin clapper \
    && install --directory --owner=10001 --group=10001 --mode=0750 /data
COPY --from=build /opt/clapper/.venv /opt/clapper/.venv
WORKDIR /opt/clapper
ENV PATH=/opt/clapper/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DATA_DIR=/data \
    LOG_FORMAT=json
USER 10001:10001
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["clapper", "health"]
CMD ["clapper", "run"]
