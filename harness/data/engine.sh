#!/bin/sh
# One engine of our own, from its first process to its last. Called by
# harness/engines/namespace.py with the lock of the run folder as 0, the log as 1 and,
# as 2, a pipe that ends when the harness does; here they are 9, 1 and 3.
# Values come in the environment:
#   RUN      run folder (this engine's own)   ROOT    unpacked suite, never written
#   BB       busybox of that root, whose commands this script uses
#   UNSHARE  util-linux's unshare             CGROUP  name of our cgroups
#   DAEMON   folders of the daemon's cgroups, none where no bounds can be set
#   SCRIPT this file
#   CONFIG   dockerd's daemon.json
#   DATA     tmpfs size in KiB, or `disk`     KEEP    1: stay after the harness has ended
# and dockerd's options as arguments.
set -u
. "${SCRIPT%/*}/own_dev.sh"

outer() {
    # stands outside the namespaces, in a session of its own, to clean up after them
    exec 9<&0 3<&2 </dev/null 2>&1
    (
        for each in $DAEMON; do echo 0 >"$each/cgroup.procs" || exit 1; done
        exec "$UNSHARE" --mount --net --pid --uts --ipc --fork --kill-child \
            "$BB" sh "$SCRIPT" inner "$@"
    ) &
    wait $!
    status=$?
    for group in /sys/fs/cgroup/"$CGROUP" /sys/fs/cgroup/*/"$CGROUP"; do
        [ -d "$group" ] && find "$group" -depth -type d -exec rmdir {} \;
    done
    # 0: told to stop. Else the harness wants to read the log, and removes the folder
    [ $status -eq 0 ] && rm -rf "$RUN"
    exit $status
}

inner() {
    # PID 1 of the namespaces: when it ends, all in them ends
    trap 'exit 0' TERM
    set -e
    # this /proc is the host's still, so it tells our process ID there
    read -r pid _ </proc/self/stat
    echo "$pid" >"$RUN/pid"
    hostname layer-harness
    ip link set lo up
    new="$RUN/root"
    mount -o bind "$ROOT" "$new"
    mount -o remount,bind,ro "$new"
    mount -t proc proc "$new/proc"
    mount -t sysfs sysfs "$new/sys"
    mount -o rbind /sys/fs/cgroup "$new/sys/fs/cgroup"
    own_dev "$new/dev"
    for each in run tmp etc/docker opt/containerd root; do
        mount -t tmpfs -o mode=755 tmpfs "$new/$each"
    done
    chmod 1777 "$new/tmp"
    echo "$CONFIG" >"$new/etc/docker/daemon.json"
    mkdir "$new/run/harness"
    mount -o bind "$RUN/socket" "$new/run/harness"
    if [ "$DATA" = disk ]; then
        mount -o bind "$RUN/data" "$new/var/lib/docker"
    else
        mount -t tmpfs -o "mode=710,size=${DATA}k,nr_inodes=0" tmpfs \
            "$new/var/lib/docker"
    fi
    # not chroot: what enters a container's namespaces later (`docker exec`) begins at
    # their root, and would be outside
    cd "$new"
    pivot_root . .
    umount -l .
    cd /
    set +e
    # a dockerd that hangs: `wait` ends, and what is below it is all killed
    trap : USR1
    starts=0
    while :; do
        [ -n "$KEEP" ] || watch &
        # GOGC: dockerd starts itself anew for each layer it unpacks and each container,
        # and much of such a start was collecting garbage (a quarter of all of a run's
        # CPU time, measured on 20.10.24)
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root GOGC=400 \
            dockerd "$@" 3<&- 9>&- &
        wait $!
        status=$?
        starts=$((starts + 1))
        echo "layer-harness: dockerd ended with status $status"
        # one that never answered is an error; one that a build killed comes back, since
        # the next build may do well. The limit only keeps a broken one from spinning.
        [ -e /run/harness/answered ] && [ $starts -lt 50 ] || exit 1
        kill -9 -1
        rm -rf /run/docker.pid /run/docker /run/harness/docker.sock
        echo "layer-harness: starting dockerd again"
    done
}

watch() {
    read -r _ <&3
    kill -TERM 1
}

"$@"
