#!/bin/sh
# After the packages: takes away what no pod needs and what differs from build to build.
# Usage: finish.sh   (inside the image's own tree, as root)
set -eu
umask 022

# Needed to install, not to run. LLVM compiles long queries (JIT) and is half of an image; without it
# Postgres runs them uncompiled. Perl is Debian's wrappers around psql and pg_ctl; the real ones are on the PATH.
# Scripts of these packages would ask each other questions on the way out.
dpkg-query --show --showformat '${db:Status-Abbrev} ${binary:Package}\n' \
  adduser apt debconf dialog 'libapt-pkg*' 'libllvm*' 'lib*-perl' 'libperl*' 'libz3*' locales media-types openssl 'perl*' \
  'postgresql-c*-common' postgresql-common sensible-utils ssl-cert ucf 2>/dev/null |
  sed -n 's/^ii  *//p' >/tmp/remove
while read -r package; do
  rm -f "/var/lib/dpkg/info/$package".*rm "/var/lib/dpkg/info/${package%:*}".*rm
done </tmp/remove
xargs dpkg --purge --force-depends --force-remove-essential --force-remove-protected </tmp/remove
rm -rf /usr/lib/postgresql/*/lib/bitcode /usr/lib/postgresql/*/lib/llvmjit*
ldconfig

# Documents (licences stay), translations, time stamps, logs, and a private key that the package ssl-cert made.
find /usr/share/doc -mindepth 1 ! -type d ! -name copyright -delete
rm -rf /usr/share/man /usr/share/locale /usr/share/i18n /usr/share/info /usr/share/lintian /usr/share/bash-completion \
  /usr/share/postgresql/*/man /usr/share/vim /etc/ssl/private /etc/ssl/certs/ssl-cert-snakeoil.pem \
  /etc/apt /var/lib/apt /var/cache /var/log /var/lib/dpkg/*-old /var/lib/dpkg/lock* /var/lib/ucf \
  /var/lib/systemd /var/backups /var/lib/pgbackrest /var/spool/pgbackrest /etc/pgbackrest.conf \
  /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /tmp/remove
mkdir -p /var/cache /var/log
sed -i 's/^\([^:]*:[^:]*\):[0-9]*:/\1:1:/' /etc/shadow
: >/etc/machine-id

# The home of the user that pods run as, and where sockets are.
home=$(sed -n 's/^[^:]*:x:65532:65532::\([^:]*\):.*/\1/p' /etc/passwd)
for folder in "$home" /run/postgresql; do
  mkdir -p "$folder"
  chown 65532:65532 "$folder"
  chmod 0700 "$folder"
done

# Nothing here may make a process root.
find / -xdev -type f -perm /6000 -exec chmod ug-s {} +

# Python: modes whatever the builder's umask, no checksums of what is not there, and compiled, valid whatever the
# files' times: the root file system is read-only where this runs.
if [ -e /usr/bin/python3 ]; then
  chmod -R u=rwX,go=rX /usr/local/bin /usr/lib/python3*
  rm -f /usr/lib/python3/dist-packages/patroni-*.dist-info/RECORD
  find /usr/lib/python3* -name __pycache__ -prune -exec rm -rf {} +
  python3 -m compileall -q --invalidation-mode unchecked-hash /usr/lib/python3*
fi
