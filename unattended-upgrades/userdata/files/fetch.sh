# shellcheck shell=sh
# What is fetched and pinned by a checksum: sourced by first-boot.sh and salt-onedir.sh.

FETCH='
import shutil, sys, urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=60) as answer, open(sys.argv[2], "wb") as file:
    shutil.copyfileobj(answer, file)
'

# fetch URL SHA256 FILE: the file is what has this checksum, or not there
fetch() {
    http_proxy=${PROXY:-} https_proxy=${PROXY:-} python3 -c "$FETCH" "$1" "$3" &&
        printf '%s  %s\n' "$2" "$3" | sha256sum -c - && return
    rm -f "$3"
    return 1
}

# The readiness agent, from where user data says; nothing of another checksum is ever unpacked.
install_agent() {
    [ "$(cat "$DONE/agent" 2>/dev/null)" != "$AGENT_SHA256" ] || return 0
    folder=$(mktemp -d) || return 1
    fetch "$AGENT_URL" "$AGENT_SHA256" "$folder/agent.tar" &&
        python3 -m tarfile -e "$folder/agent.tar" / &&
        printf '%s' "$AGENT_SHA256" >"$DONE/agent"
    code=$?
    rm -rf "$folder"
    return "$code"
}

fetch_agent() {
    try install_agent || fail "the readiness agent: $AGENT_URL does not give what has the SHA-256" \
        "$AGENT_SHA256: put there what salt-run asgcycle.agent writes, publish its checksum with" \
        "the user data, and have this instance replaced"
}
