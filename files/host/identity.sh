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
# `reload` does not wait until sshd has read its keys again, and the next command takes no other key than the new one.
tries=100
until ssh-keyscan -t ed25519 127.0.0.1 2>/dev/null | grep -qF "$(cut -d ' ' -f 2 "$key.pub")"; do
  tries=$((tries - 1))
  if [ "$tries" -eq 0 ]; then
    echo "sshd does not serve the new host key ten seconds after its reload" >&2
    exit 1
  fi
  sleep 0.1
done
