#!/bin/sh
# One command of a builder, in an unpacked root that is never written. Called by
# harness/builders/sandbox.py as PID 1 of namespaces of its own: when this ends, or is
# killed, all that it started ends. Values come in the environment:
#   ROOT    unpacked suite, never written     ROOM    folder of this case
#   NET     `own`: loopback only              SOCKET  an engine's, or empty
# and the command, with its environment in front, as arguments.
set -eu
[ "$NET" = own ] && ip link set lo up
new="$ROOM/root"
mount -o bind "$ROOT" "$new"
mount -o remount,bind,ro "$new"
mount -t proc proc "$new/proc"
# what of it is the machine's, not a process's; a RUN of buildah is root here
for each in bus fs irq sys sysrq-trigger; do
    [ -e "$new/proc/$each" ] || continue
    mount -o bind "$new/proc/$each" "$new/proc/$each"
    mount -o remount,bind,ro "$new/proc/$each"
done
# a sysfs of its own is refused where the network is not ours, and no RUN is there
[ "$NET" != own ] || mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$new/sys"
mount -t tmpfs -o mode=755,nosuid,noexec tmpfs "$new/dev"
# copies: a mode that a RUN changes is not the machine's
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty \
    /dev/fd /dev/stdin /dev/stdout /dev/stderr "$new/dev"
mkdir "$new/dev/pts" "$new/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666,mode=620,nosuid,noexec devpts "$new/dev/pts"
mount -t tmpfs -o mode=1777,nosuid,nodev,noexec tmpfs "$new/dev/shm"
ln -s pts/ptmx "$new/dev/ptmx"
for each in run tmp root; do
    mount -t tmpfs -o mode=755 tmpfs "$new/$each"
done
chmod 1777 "$new/tmp"
# tools make folders below etc and var, such as buildah's etc/containers/networks
for each in etc var; do
    cp -a "$ROOT/$each" "$new/run/$each"
    mount -o bind "$new/run/$each" "$new/$each"
done
mkdir "$new/run/harness"
mount -o bind "$ROOM/work" "$new/run/harness"
if [ -n "$SOCKET" ]; then
    : >"$new/run/docker.sock"
    mount -o bind "$SOCKET" "$new/run/docker.sock"
fi
exec 3<"$ROOM"
# not chroot: a RUN of buildah keeps CAP_SYS_CHROOT, and with it leaves every chroot
cd "$new"
pivot_root . .
umount -l .
cd /
: >/proc/self/fd/3/ready
exec 3<&-
# from here on what is said, and how it ends, is the command's
set +e
env -i "$@"
exit $?
