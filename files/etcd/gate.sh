#!/bin/sh
exec /usr/local/lib/gardenos/etcd-member can-restart
