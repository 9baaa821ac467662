#!/bin/sh
# Tells what the workers do.
curl --silent --show-error --write-out '\n%{http_code}\n' \
  "${MODELSERVER_URL:-http://127.0.0.1:8080}/status"
