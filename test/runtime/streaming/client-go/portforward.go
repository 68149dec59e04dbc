package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"

	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

// forwardResult is one connection through the forwarded port: what was sent, then end of file, then what came back.
type forwardResult struct {
	SentSha256     string `json:"sentSha256"`
	ReceivedSha256 string `json:"receivedSha256"`
	ReceivedBytes  int64  `json:"receivedBytes"`
	Error          string `json:"error"`
}

// portForwardCommand forwards a local port and opens connections to it, all at the same time.
func portForwardCommand(args []string) (any, error) {
	flags := flag.NewFlagSet("portforward", flag.ContinueOnError)
	transport := flags.String("transport", "spdy", "spdy or websocket")
	remote := flags.Int("port", 0, "port to reach")
	connections := flags.Int("connections", 1, "connections to open at the same time")
	bytes := flags.Int64("bytes", 0, "random bytes to send on each")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	dialer, err := dialerFor(*transport, flags.Arg(0))
	if err != nil {
		return nil, err
	}
	stop, ready := make(chan struct{}), make(chan struct{})
	addresses, ports := []string{"127.0.0.1"}, []string{fmt.Sprintf("0:%d", *remote)}
	forwarder, err := portforward.NewOnAddresses(dialer, addresses, ports, stop, ready, io.Discard, io.Discard)
	if err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- forwarder.ForwardPorts() }()
	select {
	case err := <-ended:
		return nil, err
	case <-ready:
	}
	local, err := forwarder.GetPorts()
	if err != nil {
		return nil, err
	}
	results := make([]forwardResult, *connections)
	var all sync.WaitGroup
	for index := range results {
		all.Go(func() { results[index] = converse(local[0].Local, *bytes, byte(index)) })
	}
	all.Wait()
	close(stop)
	if err := <-ended; err != nil && !errors.Is(err, portforward.ErrLostConnectionToPod) {
		return nil, err
	}
	return results, nil
}

func dialerFor(transport, address string) (httpstream.Dialer, error) {
	config := &rest.Config{Host: address}
	target, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	if transport == "websocket" {
		return portforward.NewSPDYOverWebsocketDialer(target, config)
	}
	roundTripper, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	return spdy.NewDialer(upgrader, &http.Client{Transport: roundTripper}, "POST", target), nil
}

func converse(port uint16, bytes int64, seed byte) forwardResult {
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return forwardResult{Error: err.Error()}
	}
	defer connection.Close()
	sent, received := sha256.New(), sha256.New()
	sending := make(chan error, 1)
	go func() {
		random := io.LimitReader(rand.NewChaCha8([32]byte{seed}), bytes)
		_, err := io.Copy(connection, io.TeeReader(random, sent))
		sending <- errors.Join(err, connection.(*net.TCPConn).CloseWrite())
	}()
	count, err := io.Copy(received, connection)
	result := forwardResult{ReceivedSha256: hex.EncodeToString(received.Sum(nil)), ReceivedBytes: count}
	if err := errors.Join(err, <-sending); err != nil {
		result.Error = err.Error()
	}
	result.SentSha256 = hex.EncodeToString(sent.Sum(nil))
	return result
}
