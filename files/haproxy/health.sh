#!/bin/sh
exec /usr/local/lib/gardenos/haproxy-node healthy
