#!/bin/sh
# Predicts the sum of 0.446 and 0.554.
curl --silent --show-error --write-out '\n%{http_code}\n' \
  --header 'content-type: application/json' \
  --data '{"vector": [0.446, 0.554]}' \
  "${MODELSERVER_URL:-http://127.0.0.1:8080}/predict"
