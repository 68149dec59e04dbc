package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/client-go/util/exec"
)

// execResult is one session as the client saw it.
type execResult struct {
	ExitCode     int     `json:"exitCode"`
	Error        string  `json:"error"`
	StdinSha256  string  `json:"stdinSha256"`
	StdoutSha256 string  `json:"stdoutSha256"`
	StdoutBytes  int64   `json:"stdoutBytes"`
	StdoutHead   string  `json:"stdoutHead"`
	Stderr       string  `json:"stderr"`
	Milliseconds float64 `json:"milliseconds"`
}

type execOptions struct {
	transport   string
	protocols   []string
	stdinBytes  int64
	tty         bool
	sizes       string
	cancelAfter time.Duration
	readPause   time.Duration
}

// execCommand opens every URL it is given at the same time, each as its own session.
func execCommand(args []string) (any, error) {
	flags := flag.NewFlagSet("exec", flag.ContinueOnError)
	options := execOptions{}
	flags.StringVar(&options.transport, "transport", "spdy", "spdy or websocket")
	protocols := flags.String("protocols", "", "protocols to offer, divided by commas; empty: the library's choice")
	flags.Int64Var(&options.stdinBytes, "stdin-bytes", -1, "random bytes to send, then end of file; -1: no stdin")
	flags.BoolVar(&options.tty, "tty", false, "ask for a terminal")
	flags.StringVar(&options.sizes, "sizes", "", "terminal sizes to send, such as 80x24,100x30")
	flags.DurationVar(&options.cancelAfter, "cancel-after", 0, "walk away after so long")
	flags.DurationVar(&options.readPause, "read-pause", 0, "wait so long before the first read of stdout goes on")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if *protocols != "" {
		options.protocols = strings.Split(*protocols, ",")
	}
	results := make([]execResult, flags.NArg())
	failures := make([]error, flags.NArg())
	var sessions sync.WaitGroup
	for index, address := range flags.Args() {
		sessions.Go(func() { results[index], failures[index] = runExec(address, options) })
	}
	sessions.Wait()
	return results, errors.Join(failures...)
}

func runExec(address string, options execOptions) (execResult, error) {
	executor, err := executorFor(address, options)
	if err != nil {
		return execResult{}, err
	}
	stdin, stdout, stderr := sha256.New(), &sink{hash: sha256.New(), pause: options.readPause}, &bytes.Buffer{}
	streams := remotecommand.StreamOptions{Stdout: stdout, Tty: options.tty}
	if options.stdinBytes >= 0 {
		random := io.LimitReader(rand.NewChaCha8([32]byte{1}), options.stdinBytes)
		streams.Stdin = io.TeeReader(random, stdin)
	}
	if options.tty {
		streams.TerminalSizeQueue = sizesOf(options.sizes)
	} else {
		streams.Stderr = stderr
	}
	ctx := context.Background()
	if options.cancelAfter > 0 {
		timed, cancel := context.WithTimeout(ctx, options.cancelAfter)
		defer cancel()
		ctx = timed
	}
	began := time.Now()
	err = executor.StreamWithContext(ctx, streams)
	result := execResult{
		StdinSha256:  hex.EncodeToString(stdin.Sum(nil)),
		StdoutSha256: hex.EncodeToString(stdout.hash.Sum(nil)),
		StdoutBytes:  stdout.bytes,
		StdoutHead:   string(stdout.head),
		Stderr:       stderr.String(),
		Milliseconds: float64(time.Since(began).Microseconds()) / 1000,
	}
	var exit exec.CodeExitError
	if errors.As(err, &exit) {
		result.ExitCode = exit.Code
	} else if err != nil {
		result.ExitCode, result.Error = -1, err.Error()
	}
	return result, nil
}

func executorFor(address string, options execOptions) (remotecommand.Executor, error) {
	config := &rest.Config{Host: address}
	if options.transport == "websocket" {
		if options.protocols == nil {
			return remotecommand.NewWebSocketExecutor(config, "GET", address)
		}
		return remotecommand.NewWebSocketExecutorForProtocols(config, "GET", address, options.protocols...)
	}
	target, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	if options.protocols == nil {
		return remotecommand.NewSPDYExecutor(config, "POST", target)
	}
	roundTripper, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	return remotecommand.NewSPDYExecutorForProtocols(roundTripper, upgrader, "POST", target, options.protocols...)
}

// sink hashes and counts, keeps the first kilobyte, and can be slow to begin.
type sink struct {
	hash  hash.Hash
	bytes int64
	head  []byte
	pause time.Duration
}

func (s *sink) Write(data []byte) (int, error) {
	if s.bytes == 0 {
		time.Sleep(s.pause)
	}
	s.bytes += int64(len(data))
	s.head = append(s.head, data[:min(len(data), 1024-len(s.head))]...)
	return s.hash.Write(data)
}

// sizeQueue gives out the sizes and then nothing more.
type sizeQueue chan remotecommand.TerminalSize

func (q sizeQueue) Next() *remotecommand.TerminalSize {
	size, open := <-q
	if !open {
		return nil
	}
	return &size
}

func sizesOf(text string) sizeQueue {
	queue := make(sizeQueue, 16)
	defer close(queue)
	for _, size := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		var width, height uint16
		if _, err := fmt.Sscanf(size, "%dx%d", &width, &height); err == nil {
			queue <- remotecommand.TerminalSize{Width: width, Height: height}
		}
	}
	return queue
}
