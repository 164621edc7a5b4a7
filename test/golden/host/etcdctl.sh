#!/bin/sh
exec /opt/etcd-3.6.16/etcdctl "$@"
