#!/bin/sh
# Makes the secrets of a deployment with compose.yaml, in deploy/secrets/. What is there already stays.
# Keep a copy of the key apart from every backup of the database: without it no client has a name.
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p secrets
cd secrets

# A password begins with a letter: a NATS configuration may read a value that begins with a digit as a number.
password() { echo "p$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"; }

# make NAME VALUE: the value is used only if the file is not there. The folder is closed to others; the files are
# not, because containers read them as users of their own.
make() {
  if [ ! -e "$1" ]; then
    printf '%s' "$2" >"$1"
    chmod 444 "$1"
  fi
}

make nats_operator_password "$(password)"
make nats_app_password "$(password)"
make nats_sys_password "$(password)"
make nats_route_password "$(password)"
make postgres_password "$(password)"
make key "$(head -c 32 /dev/urandom | base64)"
make smtp_url '' # for example smtp://user:password@mail.example.com:587; empty: letters become files

# What is said twice follows what is said once.
servers() {
  user=$1 password=$(cat "$2") separator=''
  for node in n1 n2 n3; do
    printf '%snats://%s:%s@%s:4222' "$separator" "$user" "$password" "$node"
    separator=','
  done
}
make nats_url "$(servers app nats_app_password)"
make nats_operator_url "$(servers operator nats_operator_password)"
make database_url "postgres://insights:$(cat postgres_password)@postgres/insights"
echo "secrets are in $(pwd)"
