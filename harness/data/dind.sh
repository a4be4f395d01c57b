# The first process of an engine's container, given to `sh -c` by
# harness/engines/image.py. Standard input stays open for as long as the harness lives;
# a line on it says that the engine has answered.
# RIGHTS is `all`, or `fewer` where the container is not privileged.
# Arguments: the image's entrypoint, dockerd and its options.
set -u
trap 'exit 0' TERM INT
exec 3<&0 </dev/null

watch() {
    while read -r _ <&3; do
        : >/layer-harness.answered
    done
    kill -TERM $$
}

# 27 and later want ip6tables unless they are told not to, and 19.03 does not know it
if dockerd --help 2>/dev/null | grep -q -e --ip6tables; then
    set -- "$@" --ip6tables=false
fi
if [ "$RIGHTS" = fewer ]; then
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        mount -o remount,rw /sys/fs/cgroup
    else
        # the host's hierarchies are bound: below our own group, all goes with it
        group=$(sed -n 's/^[0-9]*:[^:]*memory[^:]*://p' /proc/self/cgroup)
        [ -z "$group" ] || set -- "$@" "--cgroup-parent=$group"
    fi
fi

starts=0
while :; do
    watch &
    "$@" 3<&- &
    wait $!
    status=$?
    starts=$((starts + 1))
    echo "layer-harness: dockerd ended with status $status"
    # one that never answered is an error; one that a build killed comes back, since the
    # next build may do well. The limit only keeps a broken one from spinning.
    [ -e /layer-harness.answered ] && [ $starts -lt 50 ] || exit 1
    kill -9 -1
    rm -rf /var/run/docker.pid /var/run/docker /var/run/docker.sock
    echo "layer-harness: starting dockerd again"
done
