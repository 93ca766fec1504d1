#!/bin/sh
# Starts one member of the cluster in a container. Passwords come from files, so that neither the container's
# settings nor the command line shows them.
#
#   NODE      this member's name, which is also its host name: n1
#   MEMBERS   the names of all members: "n1 n2 n3"
# The quotes inside values are for the reader of the configuration.
# shellcheck disable=SC2089,SC2090
set -eu

secret() { cat "/run/secrets/nats_$1_password"; }

INSIGHTS_NATS_STORE='"/data"'
INSIGHTS_NATS_OPERATOR_PASSWORD=$(secret operator)
INSIGHTS_NATS_APP_PASSWORD=$(secret app)
INSIGHTS_NATS_SYS_PASSWORD=$(secret sys)
INSIGHTS_NATS_ROUTE_PASSWORD=$(secret route)
INSIGHTS_NATS_CLUSTER_LISTEN='"0.0.0.0:6222"'
routes=''
for member in $MEMBERS; do
  routes="$routes${routes:+, }\"nats-route://route:$INSIGHTS_NATS_ROUTE_PASSWORD@$member:6222\""
done
INSIGHTS_NATS_ROUTES="[$routes]"
export INSIGHTS_NATS_STORE INSIGHTS_NATS_OPERATOR_PASSWORD INSIGHTS_NATS_APP_PASSWORD INSIGHTS_NATS_SYS_PASSWORD \
  INSIGHTS_NATS_ROUTE_PASSWORD INSIGHTS_NATS_CLUSTER_LISTEN INSIGHTS_NATS_ROUTES

exec nats-server -c /etc/nats/node.conf -n "$NODE" "$@"
