# A static binary and nothing else, run by a user without rights.
#
#   docker build -t hydrant .
#   docker run -e HYDRANT_AUTH=none -p 127.0.0.1:8080:8080 -p 127.0.0.1:8081:8081 -v hydrant:/data hydrant
#
# The listeners are open to the container's network: the node starts there only with credentials in its configuration, or
# when HYDRANT_AUTH=none says that none are meant. With a configuration of your own:
#
#   docker run ... -v ./hydrant.yaml:/etc/hydrant.yaml hydrant serve --config /etc/hydrant.yaml

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /out/hydrant ./cmd/hydrant
RUN mkdir -p /out/data /out/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/hydrant /hydrant
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build --chown=65532:65532 /out/tmp /tmp
ENV HYDRANT_DATA_DIR=/data HYDRANT_LISTEN=0.0.0.0:8080 HYDRANT_ADMIN=0.0.0.0:8081
USER 65532:65532
VOLUME /data
EXPOSE 8080 8081
ENTRYPOINT ["/hydrant"]
CMD ["serve"]
