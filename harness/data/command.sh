#!/bin/sh
# One command of a builder, in an unpacked root that is never written. Called by
# harness/builders/sandbox.py as PID 1 of namespaces of its own: when this ends, or is
# killed, all that it started ends. Values come in the environment:
#   ROOT    unpacked suite, never written     ROOM    folder of this case
#   NET     `own`: loopback only              SOCKET  an engine's, or empty
#   CGROUP2 `own`: where cgroup v2 is mounted, it begins at this command's own group
# and the command, with its environment in front, as arguments.
set -eu
. "${0%/*}/own_dev.sh"
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
# without what is mounted below it, such as cgroups. Not a sysfs of our own: RUN with no
# container has the machine's network devices there, which is measured
mount -o bind /sys "$new/sys"
mount -o remount,bind,ro,nosuid,nodev,noexec "$new/sys"
if [ -n "$CGROUP2" ]; then
    # podman 6 looks for it before all else; with a namespace of cgroups no other group
    # can be named, and nothing of this one can be written
    mount -t cgroup2 cgroup2 "$new/sys/fs/cgroup"
    mount -o remount,bind,ro,nosuid,nodev,noexec "$new/sys/fs/cgroup"
fi
own_dev "$new/dev"
for each in run tmp; do
    mount -t tmpfs -o mode=755 tmpfs "$new/$each"
done
chmod 1777 "$new/tmp"
# tools make folders below var
cp -a "$ROOT/var" "$new/run/var"
mount -o bind "$new/run/var" "$new/var"
mkdir "$new/run/harness"
mount -o bind "$ROOM/work" "$new/run/harness"
# A RUN that has left its chroot is root here: what the builder loads or obeys is not to
# be written. buildah 1.28.2 makes a folder in etc/containers, and locks it.
if [ -d "$new/etc/containers" ]; then
    mount -t tmpfs -o mode=755 tmpfs "$new/etc/containers"
    cp -a "$ROOT/etc/containers/." "$new/etc/containers"
    mkdir -p "$new/etc/containers/networks"
    mount -o remount,ro "$new/etc/containers"
    mount -t tmpfs -o mode=755 tmpfs "$new/etc/containers/networks"
fi
if [ "$NET" = own ] && [ -z "$SOCKET" ]; then
    mount -o bind "$ROOM/work/config" "$new/run/harness/config"
    mount -o remount,bind,ro "$new/run/harness/config"
fi
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
