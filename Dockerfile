# One image for the service, the worker and the commands.
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
# TORCH_INDEX: an index with the CPU build of torch keeps the image small; empty takes pip's default.
# EXTRAS: cpu or gpu, never both (they provide the same module).
ARG TORCH_INDEX=
ARG EXTRAS=cpu
WORKDIR /src
RUN python -m venv /opt/onscript
COPY pyproject.toml constraints.txt README.md ./
COPY core core
COPY encoder encoder
COPY intent intent
COPY llm llm
COPY compliance compliance
COPY script_store script_store
COPY services services
COPY migrations migrations
RUN /opt/onscript/bin/pip install ${TORCH_INDEX:+--index-url ${TORCH_INDEX}} torch==2.13.0 \
 && /opt/onscript/bin/pip install -c constraints.txt ".[${EXTRAS}]"

FROM python:3.11-slim-bookworm
RUN useradd --create-home --uid 10001 onscript \
 && mkdir -p /var/lib/onscript && chown onscript:onscript /var/lib/onscript
COPY --from=build /opt/onscript /opt/onscript
ENV PATH=/opt/onscript/bin:$PATH \
    ONSCRIPT_HOME=/var/lib/onscript \
    ONSCRIPT_HOST=0.0.0.0 \
    HF_HOME=/var/lib/onscript/huggingface \
    PYTHONUNBUFFERED=1
USER onscript
VOLUME /var/lib/onscript
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/readyz', timeout=2)"]
CMD ["onscript", "serve"]
