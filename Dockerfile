# docker build -t p3 .
# docker run -p 54321:5440 -p 8080:8080 p3

FROM denoland/deno:debian-2.7.11 AS build
WORKDIR /src
COPY . .
RUN deno task compile

# glibc, libgcc, libstdc++ and nothing else: no shell, no package manager, not root.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/server /server
COPY --from=build /src/onnxruntime /onnxruntime
EXPOSE 5440 8080
ENTRYPOINT ["/server"]
