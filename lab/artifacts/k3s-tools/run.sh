#!/bin/sh
# Runs one of Debian's network tools with the libraries that lie beside it. Which one: the name of the link that it is
# called through.
# Usage: iptables-save|ipset|… ARGUMENTS
set -eu
name=${0##*/}
root=${0%/*}/..
export LD_LIBRARY_PATH="$root/lib" XTABLES_LIBDIR="$root/lib/xtables"
case $name in
iptables* | ip6tables*) exec "$root/libexec/xtables-nft-multi" "$name" "$@" ;;
*) exec "$root/libexec/$name" "$@" ;;
esac
