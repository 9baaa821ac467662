#!/bin/sh
# Waits until a server is ready, then runs the scripts of examples/pipeline and one Invoke on it. Exits 0 when each
# says what it should.
cd "$(dirname "$0")/.." || exit
rest=${MODELSERVER_URL:-http://127.0.0.1:8080}
grpc=${MODELSERVER_GRPC_URL:-http://127.0.0.1:5440}
export MODELSERVER_URL="$rest"
failed=0

# expect PATTERN COMMAND…: whether the one line that is made of what the command prints matches.
expect() {
  pattern=$1
  shift
  printed=$("$@" 2>&1 | tr -d '\000' | tr '\n' ' ')
  if printf '%s' "$printed" | grep -Eq "$pattern"; then
    echo "ok      $*"
  else
    echo "FAILED  $*: $printed, needs $pattern"
    failed=1
  fi
}

# The id 7 and the content "x" as protobuf, behind gRPC's five bytes: not compressed, length 7.
invoke() {
  printf '\000\000\000\000\007\012\005\010\007\022\001x' |
    curl --silent --show-error --http2-prior-knowledge --data-binary @- \
      --header 'content-type: application/grpc' --header 'te: trailers' \
      "$grpc/invocation.v1.Invocation/Invoke"
}

stored() {
  curl --silent --show-error --write-out '\n%{http_code}\n' "$rest/invocation/7"
}

curl --silent --output /dev/null --fail --retry 60 --retry-delay 1 --retry-all-errors \
  "$rest/readyz" || { echo "FAILED  $rest/readyz: not ready"; exit 1; }

expect '"status":true,.* 200 $' pipeline/set_weights1.sh
expect '"message":"c7530d1181c41478ed37473dd02abfef","result":0\.(29|30).* 200 $' pipeline/predict1.sh
expect '"status":true,.* 200 $' pipeline/set_weights2.sh
expect '"message":"ae5c527bb65dac81a85e989c06808261","result":(0\.99|1\.00).* 200 $' pipeline/predict2.sh
expect '"status":true,.* 200 $' pipeline/set_weights3.sh
expect '"status":false,.*"result":0.* 200 $' pipeline/predict_wrong_tensor.sh
expect '^weights data has wrong format 400 $' pipeline/set_weights_bad_base64.sh
expect '"status":false,.*"trace":.* 200 $' pipeline/set_weights_bad_tensors.sh
expect '"nn_id":"cf391a72c7a3dc9590e6195f0859e244".* 200 $' pipeline/status.sh
expect 'OK' invoke
expect '"model_input":.*"content":"x".*"model_output":.* 200 $' stored
exit $failed
