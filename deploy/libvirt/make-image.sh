#!/bin/sh
# make-image.sh OUT.qcow2 [PACKAGE...]: a Debian image with buildbot-worker that starts at boot, knows who
# it is from its login disk or from DHCP, and powers its machine off when the worker ends.
#
# As root, on Debian or Ubuntu, with mmdebstrap, qemu-utils and e2fsprogs. It has no boot loader: the kernel
# and its initrd are written beside the image, for <kernel> and <initrd> of the domain. Nothing is mounted. Settings: SUITE (bookworm), MIRROR (the one of this host), SIZE (4G), PASSWORD_FILE (for
# identity by DHCP, optional). Run it again for a new image; running machines keep the old one.
set -eu
out=${1:?usage: make-image.sh OUT.qcow2 [PACKAGE...]}
shift
here=$(dirname "$(readlink -f "$0")")
for program in mmdebstrap qemu-img mke2fs; do
  command -v "$program" > /dev/null || { echo "$program is missing (mmdebstrap, qemu-utils, e2fsprogs)" >&2; exit 1; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
packages=linux-image-cloud-amd64,systemd-sysv,systemd-resolved,dbus,iproute2,ca-certificates,git,buildbot-worker
for package in "$@"; do packages=$packages,$package; done

mmdebstrap --variant=minbase --include="$packages" \
  --customize-hook="copy-in $here/slipway-worker.service $here/slipway-login.service /etc/systemd/system" \
  --customize-hook="copy-in $here/slipway-login /usr/local/sbin" \
  --customize-hook="copy-in $here/start-worker /usr/local/bin" \
  --customize-hook='chmod 755 "$1/usr/local/sbin/slipway-login" "$1/usr/local/bin/start-worker"' \
  --customize-hook='mkdir -p "$1/etc/slipway" "$1/var/lib/buildbot"; chroot "$1" chown buildbot /var/lib/buildbot' \
  --customize-hook='printf "[Match]\nName=e*\n[Network]\nDHCP=yes\n[DHCPv4]\nUseHostname=yes\n" > "$1/etc/systemd/network/10-dhcp.network"' \
  --customize-hook='rm -f "$1/etc/hostname"; printf "/dev/vda / ext4 defaults,discard 0 1\n" > "$1/etc/fstab"' \
  --customize-hook='chroot "$1" systemctl enable slipway-login slipway-worker systemd-networkd' \
  --customize-hook='chroot "$1" systemctl mask apt-daily.timer apt-daily-upgrade.timer || true' \
  "${SUITE:-bookworm}" "$work/tree.tar" ${MIRROR:-}

mkdir "$work/tree"
tar -C "$work/tree" -xf "$work/tree.tar"
if [ -n "${PASSWORD_FILE:-}" ]; then
  install -m 600 "$PASSWORD_FILE" "$work/tree/etc/slipway/password"
fi
cp "$work"/tree/boot/vmlinuz-* "$out.vmlinuz"
cp "$work"/tree/boot/initrd.img-* "$out.initrd"
mke2fs -q -t ext4 -d "$work/tree" "$work/disk.raw" "${SIZE:-4G}"
qemu-img convert -O qcow2 "$work/disk.raw" "$out.part"
mv "$out.part" "$out"
echo "made $out, $out.vmlinuz and $out.initrd; in the domain's <os>:"
echo "  <kernel>$(readlink -f "$out").vmlinuz</kernel>"
echo "  <initrd>$(readlink -f "$out").initrd</initrd>"
echo "  <cmdline>root=/dev/vda rw console=ttyS0 quiet</cmdline>"
