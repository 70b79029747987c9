#!/usr/bin/env bash
# Makes the certificates beside it anew, good from 2020 to 2120: an authority, and a server at `localhost` alone. They
# guard nothing: only the tests of this crate trust them, and the authority's key is thrown away.
set -euo pipefail
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cat > "$scratch/settings" <<SETTINGS
[ca]
default_ca = test
[test]
new_certs_dir = $scratch
database = $scratch/index
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = supplied
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost
SETTINGS
: > "$scratch/index"

request() { # key, name
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1" -subj "/CN=$2" -out "$scratch/request"
}
sign() { # certificate, section, and how
  openssl ca -batch -notext -config "$scratch/settings" -in "$scratch/request" -out "$1" -extensions "$2" \
    -startdate 20200101000000Z -enddate 21200101000000Z -keyfile "$scratch/authority.key" "${@:3}"
}
request "$scratch/authority.key" "Test authority"
sign authority.pem authority -selfsign
request server.key "Test mail server"
sign server.pem server -cert authority.pem
