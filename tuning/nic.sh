#!/bin/sh
# Spreads the packets of a network interface over cores, so that a worker and the interrupts of its
# connections share a core. Prints what is and what it would do; changes it only with --apply.
#
#   tuning/nic.sh eth0                 look, and show the plan
#   tuning/nic.sh eth0 --apply         carry it out (root)
#   tuning/nic.sh eth0 --cores 1-3     leave core 0 to the control thread
#
# Several receive queues: one interrupt per core, in turn. One queue: RPS spreads packets in software.
# irqbalance would undo this: stop it, or let it ban these interrupts. Lost at reboot; run it from a unit.
set -eu

usage() {
    sed -n '2,11s/^# \{0,1\}//p' "$0"
    exit "$1"
}

interface=
cores=
apply=no
while [ $# -gt 0 ]; do
    case $1 in
        --apply) apply=yes ;;
        --cores)
            [ $# -ge 2 ] || usage 2
            cores=$2
            shift
            ;;
        -h | --help) usage 0 ;;
        -*) usage 2 ;;
        *) interface=$1 ;;
    esac
    shift
done
[ -n "$interface" ] || usage 2
device=/sys/class/net/$interface
if [ ! -d "$device" ]; then
    echo "nic.sh: there is no interface $interface; there are:" >&2
    ls /sys/class/net >&2
    exit 1
fi
[ -n "$cores" ] || cores=$(cat /sys/devices/system/cpu/online)

# "0-2,5" as one number per line.
expand() {
    echo "$1" | tr ',' '\n' | while IFS=- read -r first last; do
        seq "$first" "${last:-$first}"
    done
}

# Cores as the kernel's comma-separated 32-bit hexadecimal words.
mask_of() {
    expand "$1" | awk '
        BEGIN { top = 0 }
        { word = int($1 / 32); bit[word] += 2 ^ ($1 % 32); if (word > top) top = word }
        END { for (w = top; w >= 0; w--) printf "%s%08x", (w < top ? "," : ""), bit[w]; print "" }'
}

# Writes a value, or says that it would.
put() {
    if [ "$apply" = yes ]; then
        if echo "$1" >"$2" 2>/dev/null; then
            echo "  done       $2 = $1"
        else
            echo "  REFUSED    $2 = $1 (not root, or the kernel manages this interrupt itself)"
        fi
    else
        echo "  would set  $2 = $1 (now $(cat "$2" 2>/dev/null || echo unreadable))"
    fi
}

# Interrupts of the interface: those of its device, else those that carry its name.
interrupts() {
    folder=
    for candidate in "$device/device/msi_irqs" "$device/device/../msi_irqs"; do
        if [ -d "$candidate" ]; then
            folder=$candidate
            break
        fi
    done
    if [ -n "$folder" ]; then
        find "$folder" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n | while read -r number; do
            # A virtio device also has interrupts for its configuration and control queue.
            if grep -Eq "^ *$number:.*(input|output|TxRx|rx|tx|$interface)" /proc/interrupts; then
                echo "$number"
            fi
        done
    else
        awk -v name="$interface" -F: '$0 ~ name { gsub(/ /, "", $1); print $1 }' /proc/interrupts
    fi
}

queues=$(find "$device/queues" -maxdepth 1 -name 'rx-*' | wc -l)
echo "interface $interface: $queues receive queue(s); cores $cores"
if command -v ethtool >/dev/null 2>&1; then
    ethtool -l "$interface" 2>/dev/null | sed 's/^/  /' || true
else
    echo "  (ethtool is not installed: 'ethtool -L $interface combined N' changes the number of queues)"
fi
if pidof irqbalance >/dev/null 2>&1; then
    echo "  note: irqbalance is running and would undo this"
fi

if [ "$queues" -gt 1 ]; then
    echo "several queues: one interrupt per core, in turn; RPS off"
    count=$(expand "$cores" | wc -l)
    turn=0
    for number in $(interrupts); do
        core=$(expand "$cores" | sed -n "$((turn % count + 1))p")
        put "$core" "/proc/irq/$number/smp_affinity_list"
        turn=$((turn + 1))
    done
    for queue in "$device"/queues/rx-*; do
        put 0 "$queue/rps_cpus"
    done
else
    echo "one queue: RPS spreads packets over the cores by their addresses and ports"
    for queue in "$device"/queues/rx-*; do
        put "$(mask_of "$cores")" "$queue/rps_cpus"
        put 4096 "$queue/rps_flow_cnt"
    done
    put 4096 /proc/sys/net/core/rps_sock_flow_entries
fi
[ "$apply" = yes ] || echo "nothing was changed; --apply carries it out"
