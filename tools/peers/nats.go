package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hydrant/bench"
	"hydrant/bench/child"
	"hydrant/bench/suite"
)

const (
	natsStream  = "suite"
	natsSubject = "suite.bodies"
	patience    = 30 * time.Second // for an answer, as the generator has it
)

// newNATS is the NATS server, whose own client publishes: a body is a message, and its acknowledgement is awaited.
func newNATS(program string) suite.Peer {
	return suite.Peer{
		Name:    "NATS JetStream",
		Version: versionIn(program, "github.com/nats-io/nats-server/v2"),
		Means:   "the message is in a file stream, synced (sync_interval: always; its own client)",
		Batches: suite.Goal{Target: 1.3, Beyond: 2},
		Singles: suite.Goal{Target: 7, Beyond: 10},
		Prepare: func(dir string) (suite.PeerServer, error) { return prepareNATS(program, dir) },
	}
}

func prepareNATS(program, dir string) (suite.PeerServer, error) {
	address, err := child.FreeAddress()
	if err != nil {
		return suite.PeerServer{}, err
	}
	file := filepath.Join(dir, "nats.conf")
	config := fmt.Sprintf("listen: %q\njetstream {store_dir: %q, sync_interval: always, max_file_store: 64GB}\n", address, filepath.Join(dir, "store"))
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return suite.PeerServer{}, err
	}
	url := "nats://" + address
	return suite.PeerServer{
		Program: program, Arguments: []string{"--config", file},
		Ready: func(ctx context.Context) error {
			_, err := inNATS(ctx, url, func(ctx context.Context, js jetstream.JetStream) (jetstream.Stream, error) {
				return js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
					Name: natsStream, Subjects: []string{natsSubject}, Storage: jetstream.FileStorage,
				})
			})
			return err
		},
		Dial: func(int) (bench.Carrier, error) { return dialNATS(url) },
		Bodies: func(ctx context.Context) (float64, error) {
			stream, err := inNATS(ctx, url, func(ctx context.Context, js jetstream.JetStream) (jetstream.Stream, error) {
				return js.Stream(ctx, natsStream)
			})
			if err != nil {
				return 0, err
			}
			return float64(stream.CachedInfo().State.Msgs), nil
		},
	}, nil
}

// inNATS asks the server something on a connection of its own.
func inNATS(ctx context.Context, url string, ask func(context.Context, jetstream.JetStream) (jetstream.Stream, error)) (jetstream.Stream, error) {
	c, err := dialNATS(url)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return ask(ctx, c.stream)
}

// natsCarrier is one connection of the server's own client.
type natsCarrier struct {
	connection *nats.Conn
	stream     jetstream.JetStream
}

func dialNATS(url string) (*natsCarrier, error) {
	connection, err := nats.Connect(url, nats.NoReconnect())
	if err != nil {
		return nil, err
	}
	stream, err := jetstream.New(connection)
	if err != nil {
		connection.Close()
		return nil, err
	}
	return &natsCarrier{connection, stream}, nil
}

// Carry implements bench.Carrier.
func (c *natsCarrier) Carry(body []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := c.stream.Publish(ctx, natsSubject, body)
	return err
}

// Close implements bench.Carrier.
func (c *natsCarrier) Close() { c.connection.Close() }
