# docker build -t p3 .
# docker run -p 54321:5440 p3

FROM denoland/deno:debian-2.7.11 AS build
WORKDIR /src
COPY . .
RUN deno task compile

# glibc, libgcc and nothing else: no shell, no package manager, not root.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/server /server
EXPOSE 5440
ENTRYPOINT ["/server"]
