# syntax=docker/dockerfile:1
# The image of the one binary. Tags name versions; a release pins each base by digest.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# The caches stay on the builder, so the binary is copied out of them.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --locked --release --package insights && cp target/release/insights /insights

FROM debian:12-slim
# The certificate authorities should be the newest, whatever their version.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/insights --create-home insights
COPY --from=build /insights /usr/local/bin/insights
USER 10001
WORKDIR /var/lib/insights
ENTRYPOINT ["insights"]
CMD ["help"]
