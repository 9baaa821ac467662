#!/bin/sh
# Asks for the sum of three numbers, of networks that add two.
curl --silent --show-error --write-out '\n%{http_code}\n' \
  --header 'content-type: application/json' \
  --data '{"vector": [0.1, 0.2, 0.3]}' \
  "${MODELSERVER_URL:-http://127.0.0.1:8080}/predict"
