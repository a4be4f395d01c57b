# Sourced by command.sh and engine.sh.

own_dev() {
    # what any container has; this machine's disks, consoles and terminals stay outside
    mount -t tmpfs -o mode=755,nosuid,noexec tmpfs "$1"
    # copies: a mode that a RUN changes is not the machine's
    cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty \
        /dev/fd /dev/stdin /dev/stdout /dev/stderr "$1"
    mkdir "$1/pts" "$1/shm"
    mount -t devpts -o newinstance,ptmxmode=666,mode=620,nosuid,noexec devpts "$1/pts"
    # as large as this machine's: with no container RUN has the one of its surroundings
    size=$(df -k /dev/shm | tail -n 1 | tr -s ' ' | cut -d ' ' -f 2)
    mount -t tmpfs -o "mode=1777,size=${size}k,nosuid,nodev,noexec" tmpfs "$1/shm"
    ln -s pts/ptmx "$1/ptmx"
}
