# docker build -t p3 .
# docker run -p 54321:5440 -p 8080:8080 p3

FROM denoland/deno:debian-2.7.11 AS build
WORKDIR /src
COPY . .
RUN deno task compile && mkdir -p /volumes/data /volumes/logs

# glibc, libgcc, libstdc++ and nothing else: no shell, no package manager, not root.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/server /server
COPY --from=build /src/onnxruntime /onnxruntime
# /data and /logs, for --data-dir and --log-dir: volumes that are mounted there are then the server's own.
COPY --from=build --chown=65532:65532 /volumes /
EXPOSE 5440 8080
ENTRYPOINT ["/server"]
