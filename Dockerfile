# A static binary and nothing else, run by a user without rights.
#
#   docker build -t hydrant .
#   docker run --network host -e HYDRANT_LISTEN=127.0.0.1:8080 -e HYDRANT_ADMIN=127.0.0.1:8081 -v hydrant:/data hydrant
#
# That is for a trial on one machine, without credentials. By default the listeners are open to the container's network, where
# a node starts only with credentials (hydrant keys new makes an API key and prints such a file, which user 65532 must be able
# to read), and with a word that health and metrics may be open:
#
#   docker run -e HYDRANT_CREDENTIALS=/etc/hydrant/credentials.yaml -e HYDRANT_ADMIN_AUTH=none -v ./credentials.yaml:/etc/hydrant/credentials.yaml \
#       -p 8080:8080 -p 127.0.0.1:8081:8081 -v hydrant:/data hydrant
#
# With a configuration of your own:
#
#   docker run ... -v ./hydrant.yaml:/etc/hydrant/hydrant.yaml hydrant serve --config /etc/hydrant/hydrant.yaml

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
