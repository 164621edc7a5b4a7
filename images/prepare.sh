#!/bin/sh
# Before the packages: makes the user that pods run as, so that packages find it, and keeps them from making a database.
# Usage: prepare.sh USER HOME   (inside the image's own tree, as root)
set -eu
echo "$1:x:65532:65532::$2:/bin/sh" >>/etc/passwd
echo "$1:x:65532:" >>/etc/group
echo "$1:!:1::::::" >>/etc/shadow
echo "$1:!::" >>/etc/gshadow
mkdir -p /etc/postgresql-common/createcluster.d
echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/gardenos.conf
