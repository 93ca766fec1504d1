#!/usr/bin/env bash
# Every check that needs no running server, the quick ones first. Fails at the first that finds something.
#
#   tools/lint.sh              all of them
#   tools/lint.sh nats deny    only these
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools/bootstrap.sh lint
tools=$(cd "${INSIGHTS_TOOLS:-.tools}" && pwd)
python=${PYTHON:-python3}
export PATH="$tools/lint/bin:$PATH"

with_packages() { PYTHONPATH=$tools/lint PYTHONDONTWRITEBYTECODE=1 "$python" "$@"; }

check_format() { cargo fmt --all --check; }
check_typos() { typos; }
check_shell() { git ls-files -z x .ci/run '*.sh' | xargs -0 shellcheck; }
check_python() { git ls-files -z '*.py' | xargs -0 -n 1 "$python" -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])'; }
check_docker() { hadolint Dockerfile; }

check_compose() {
  with_packages -m check_jsonschema --builtin-schema vendor.compose-spec compose.yaml | { grep -v '^ok ' || true; }
  with_packages tools/checks.py compose compose.yaml
}

matches() { with_packages -m check_jsonschema --schemafile "$1" "$2" | { grep -v '^ok ' || true; }; }

check_collector() {
  matches deploy/otel/collector.schema.json deploy/otel/collector.yaml
  with_packages tools/checks.py collector deploy/otel/collector.yaml
}

# What each crate depends on, against the map in docs/architecture.md.
check_crates() { "$python" tools/crates.py; }

# The streams, and the server's own reader of its configuration, with made-up values for what comes from outside.
check_nats() {
  matches deploy/nats/topology.schema.json deploy/nats/topology.json
  local file said server=${NATS_SERVER_BIN:-$tools/bin/nats-server}
  [ -x "$server" ] || server=nats-server
  for file in one node; do
    said=$(INSIGHTS_NATS_STORE='"/tmp/store"' INSIGHTS_NATS_OPERATOR_PASSWORD=p1 INSIGHTS_NATS_APP_PASSWORD=p2 \
      INSIGHTS_NATS_SYS_PASSWORD=p3 INSIGHTS_NATS_ROUTE_PASSWORD=p4 INSIGHTS_NATS_CLUSTER_LISTEN='"127.0.0.1:6222"' \
      INSIGHTS_NATS_ROUTES='["nats-route://route:p4@n1:6222", "nats-route://route:p4@n2:6222"]' \
      "$server" -t -c "deploy/nats/$file.conf" 2>&1) || {
      echo "$said" >&2
      return 1
    }
  done
}

# Advisories need a database from the network: cargo deny check advisories
check_deny() { cargo-deny ${CI:+--locked} --log-level error check bans licenses sources; }
check_clippy() { cargo clippy ${CI:+--locked} --quiet --workspace --all-targets -- -D warnings; }
# Read in the tree, where private items have their page too.
check_doc() { RUSTDOCFLAGS='-D warnings -A rustdoc::private_intra_doc_links' cargo doc ${CI:+--locked} --quiet --workspace --no-deps --document-private-items; }

if [ $# -eq 0 ]; then set -- format typos shell python docker compose collector nats crates deny clippy doc; fi
for check in "$@"; do
  started=$SECONDS
  echo "lint: $check"
  "check_$check"
  if [ $((SECONDS - started)) -gt 5 ]; then echo "lint: $check took $((SECONDS - started)) s"; fi
done
echo "lint: all well"
