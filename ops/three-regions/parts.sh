# What up, down, status and start share. Sourced with $folder set: everything of a cluster is in there.

me=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
die() { echo "three-regions: $*" >&2; exit 1; }

# A process is named by its number and by when it began, so that a number that was given anew is never taken for ours.
began() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

pid_of() {
  local pid since
  [ -f "$folder/run/$1.pid" ] && read -r pid since <"$folder/run/$1.pid" && [ -n "$since" ] && [ "$(began "$pid")" = "$since" ] && [ "$(state_of "$pid")" != Z ] && echo "$pid"
}

state_of() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f1; }

# Starts a part whose command stands in run/NAME.sh, and notes its number.
start_part() {
  local name=$1 pid
  [ -f "$folder/run/$name.sh" ] || die "there is no part '$name' in $folder"
  pid=$(pid_of "$name") && { echo "$name runs already ($pid)"; return; }
  setsid bash "$folder/run/$name.sh" >>"$folder/log/$name.log" 2>&1 </dev/null &
  pid=$!
  disown
  echo "$pid $(began "$pid")" >"$folder/run/$name.pid"
}

# Asks a part to end, and ends it when it has not after so many seconds.
stop_part() {
  local name=$1 patience=${2:-20} pid
  pid=$(pid_of "$name") || { rm -f "$folder/run/$name.pid"; return 0; }
  kill -CONT "$pid" 2>/dev/null
  kill -TERM "$pid" 2>/dev/null
  for _ in $(seq $((patience * 10))); do pid_of "$name" >/dev/null || break; sleep 0.1; done
  pid=$(pid_of "$name") && kill -KILL "$pid" 2>/dev/null
  rm -f "$folder/run/$name.pid"
}

# The server that a Patroni of ours left behind: only one whose command names our own data folder.
stop_postgres() {
  local data="$folder/r$1/data" pid child
  [ -f "$data/postmaster.pid" ] && pid=$(head -1 "$data/postmaster.pid") || return 0
  [ -d "/proc/$pid" ] || return 0
  tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qE "^(--?D=?|--data-directory=)?$data\$|-D$data|--config-file=$data/" || return 0
  for child in "$pid" $(cat "/proc/$pid/task/$pid/children" 2>/dev/null); do kill -CONT "$child" 2>/dev/null; done
  kill -QUIT "$pid" 2>/dev/null
  for _ in $(seq 50); do [ -d "/proc/$pid" ] || return 0; sleep 0.1; done
  kill -KILL "$pid" 2>/dev/null
}

in_region() { local n=$1; shift; if [ -n "${namespaces:-}" ]; then ip netns exec "$namespaces$n" "$@"; else "$@"; fi; }

parts() { for file in "$folder"/run/*.sh; do [ ! -e "$file" ] || basename "$file" .sh; done; }
