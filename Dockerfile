# SOUSA on a CPU, without torch:
#
#   docker build -t sousa .
#   docker run --rm -v "$PWD/output:/data" sousa generate --size small -o /data/dataset
#
# With the checkout and the test command of README.md (8 GB of packages, as root):
#
#   docker build --target test -t sousa-test .
#   docker run --rm --shm-size=2g sousa-test

FROM python:3.11-slim-bookworm AS build
WORKDIR /source
COPY . .
RUN python -m venv /opt/sousa \
    && /opt/sousa/bin/pip install --no-cache-dir -c constraints.txt .

# the README's test command, which installs what it needs itself
FROM debian:bookworm AS test
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates make python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
CMD ["make", "test"]

FROM python:3.11-slim-bookworm
# compressors need libatomic1
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libatomic1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 sousa \
    && install -d -o sousa -g sousa /data
COPY --from=build /opt/sousa /opt/sousa
ENV PATH="/opt/sousa/bin:$PATH" \
    SOUSA_CACHE=/data/.cache/sousa \
    HF_HOME=/data/.cache/huggingface
USER 1000
WORKDIR /data
VOLUME /data
ENTRYPOINT ["sousa"]
CMD ["--help"]
