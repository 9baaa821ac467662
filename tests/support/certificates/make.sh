#!/usr/bin/env bash
# Makes the certificates and keys of this folder anew, valid for a hundred years. Needs openssl.
# They protect nothing: whoever has the sources has the keys.
set -euo pipefail
cd "$(dirname "$0")"

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

# authority NAME: a self-signed authority
authority() {
  key "$1.key"
  openssl req -x509 -new -key "$1.key" -out "$1.pem" -days 36500 -subj "/CN=modelserver test $1"
}

# server NAME AUTHORITY ALT_NAMES [START END]
server() {
  key "$1.key"
  openssl req -new -key "$1.key" -out "$1.csr" -subj "/CN=modelserver test $1"
  cat >ca.cnf <<END
[ca]
default_ca = this
[this]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = names
[names]
commonName = supplied
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = $3
END
  : >index.txt
  openssl ca -batch -notext -config ca.cnf -extensions server -cert "$2.pem" -keyfile "$2.key" \
    -in "$1.csr" -out "$1.pem" \
    -startdate "${4:-20260101000000Z}" -enddate "${5:-21251231235959Z}" 2>/dev/null
}

authority authority
authority other_authority
local=DNS:localhost,IP:127.0.0.1,IP:::1
server first authority "$local"
server second other_authority "$local"
server elsewhere authority DNS:elsewhere.example
server expired authority "$local" 20200101000000Z 20210101000000Z
# Nobody signs with these again.
rm -f ./*.csr ca.cnf index.txt* [0-9A-F]*.pem authority.key other_authority.key
