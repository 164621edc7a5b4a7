# Installs the final SSH host key, which arrives on stdin. The one-time key from cloud-init is served until the
# baseline retires it, so this step can run again after an interruption.
set -eu
umask 077
key=/etc/ssh/ssh_host_ed25519_key
cat >"$key.new"
ssh-keygen -y -f "$key.new" >"$key.pub.new"
chmod 0644 "$key.pub.new"
mv -f "$key.new" "$key"
mv -f "$key.pub.new" "$key.pub"
# cloud-init restarts sshd once, for ssh_pwauth; between its stop and its start nothing can be checked or reloaded.
cloud-init status --wait >&2 || true
sshd -t
systemctl reload ssh
