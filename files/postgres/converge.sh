# Settings arrive on stdin. $SETTINGS and $TEMPLATE tell that something changed, $SERVER_IDS that a server was rebuilt.
export SERVER_IDS
exec /usr/local/lib/gardenos/postgres-node converge
