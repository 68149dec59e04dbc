// A plugin of the Node Resource Interface that does what it is told: the tests drive berthd with NRI's own library.
//
// Its orders are JSON: the file named by -orders, or, for a plugin that the runtime has started, its configuration.
// What happens to it goes, a JSON object a line, to the file that the orders name.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"sync"
	"time"

	"github.com/containerd/nri/pkg/api"
	"github.com/containerd/nri/pkg/stub"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

type orders struct {
	// Events are written here.
	Events string `json:"events"`
	// Adjust is what CreateContainer asks for, in protobuf's JSON form, by the container's name; "" is for all.
	Adjust map[string]json.RawMessage `json:"adjust"`
	// Update is asked for by CreateContainer, UpdateContainer and StopContainer, by the event's name: limits of the
	// container with that name, or of the one that the event is about where the name is "".
	Update map[string]map[string]json.RawMessage `json:"update"`
	// Fail and Hang, by the event's name: the error to answer with, how many milliseconds to wait.
	Fail map[string]string `json:"fail"`
	Hang map[string]int    `json:"hang"`
	// Reject is what ValidateContainerAdjustment answers.
	Reject string `json:"reject"`
	// Unasked are limits that are asked for right after Synchronize, by the container's name.
	Unasked map[string]json.RawMessage `json:"unasked"`
}

type plugin struct {
	stub   stub.Stub
	mu     sync.Mutex
	orders orders
	out    *os.File
	ids    map[string]string
}

func main() {
	socket := flag.String("socket", "", "socket of the runtime")
	name := flag.String("name", "", "name of the plugin")
	index := flag.String("idx", "", "index of the plugin")
	file := flag.String("orders", "", "file with the orders")
	flag.Parse()

	p := &plugin{ids: map[string]string{}}
	var options []stub.Option
	if *socket != "" {
		options = append(options, stub.WithSocketPath(*socket), stub.WithPluginName(*name), stub.WithPluginIdx(*index))
	}
	if *file != "" {
		text, err := os.ReadFile(*file)
		if err != nil {
			log.Fatal(err)
		}
		p.obey(string(text))
	}
	var err error
	if p.stub, err = stub.New(p, options...); err != nil {
		log.Fatal(err)
	}
	if err := p.stub.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func (p *plugin) obey(text string) {
	if text == "" {
		return
	}
	if err := json.Unmarshal([]byte(text), &p.orders); err != nil {
		log.Fatalf("orders: %v", err)
	}
	out, err := os.OpenFile(p.orders.Events, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		log.Fatal(err)
	}
	p.out = out
}

func (p *plugin) note(event string, more map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out == nil {
		return
	}
	more["event"] = event
	line, err := json.Marshal(more)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintf(p.out, "%s\n", line)
}

func whole(message proto.Message) json.RawMessage {
	text, err := protojson.Marshal(message)
	if err != nil {
		log.Fatal(err)
	}
	return text
}

func (p *plugin) happened(ctx context.Context, event string, pod *api.PodSandbox, container *api.Container) error {
	more := map[string]any{}
	if pod != nil {
		more["pod"] = whole(pod)
	}
	if container != nil {
		more["container"] = whole(container)
		p.mu.Lock()
		p.ids[container.GetName()] = container.GetId()
		p.mu.Unlock()
	}
	p.note(event, more)
	if ms, ok := p.orders.Hang[event]; ok {
		select {
		case <-time.After(time.Duration(ms) * time.Millisecond):
		case <-ctx.Done():
			time.Sleep(time.Duration(ms) * time.Millisecond)
		}
	}
	if text, ok := p.orders.Fail[event]; ok {
		return errors.New(text)
	}
	return nil
}

func (p *plugin) updates(limits map[string]json.RawMessage, about string) []*api.ContainerUpdate {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []*api.ContainerUpdate
	for name, text := range limits {
		id := about
		if name != "" {
			id = p.ids[name]
		}
		update := &api.ContainerUpdate{}
		if err := protojson.Unmarshal(text, update); err != nil {
			log.Fatalf("update: %v", err)
		}
		update.ContainerId = id
		all = append(all, update)
	}
	return all
}

func (p *plugin) Configure(_ context.Context, config, runtime, version string) (stub.EventMask, error) {
	if p.out == nil {
		p.obey(config)
	}
	p.note("Configure", map[string]any{
		"runtime":             runtime,
		"version":             version,
		"registrationTimeout": p.stub.RegistrationTimeout().Milliseconds(),
		"requestTimeout":      p.stub.RequestTimeout().Milliseconds(),
		"nri":                 p.stub.RuntimeNRIVersion(),
	})
	return 0, nil
}

func (p *plugin) Synchronize(ctx context.Context, pods []*api.PodSandbox, containers []*api.Container) ([]*api.ContainerUpdate, error) {
	names := []string{}
	for _, pod := range pods {
		names = append(names, pod.GetName())
	}
	shown := []json.RawMessage{}
	for _, container := range containers {
		shown = append(shown, whole(container))
		p.ids[container.GetName()] = container.GetId()
	}
	p.note("Synchronize", map[string]any{"pods": names, "containers": shown})
	if ms, ok := p.orders.Hang["Synchronize"]; ok {
		time.Sleep(time.Duration(ms) * time.Millisecond)
	}
	if len(p.orders.Unasked) > 0 {
		go func() {
			time.Sleep(200 * time.Millisecond)
			failed, err := p.stub.UpdateContainers(p.updates(p.orders.Unasked, ""))
			p.note("UpdateContainers", map[string]any{"failed": len(failed), "error": fmt.Sprint(err)})
		}()
	}
	return p.updates(p.orders.Update["Synchronize"], ""), nil
}

func (p *plugin) Shutdown(context.Context) {
	p.note("Shutdown", map[string]any{})
}

func (p *plugin) RunPodSandbox(ctx context.Context, pod *api.PodSandbox) error {
	return p.happened(ctx, "RunPodSandbox", pod, nil)
}

func (p *plugin) UpdatePodSandbox(ctx context.Context, pod *api.PodSandbox, overhead, resources *api.LinuxResources) error {
	p.note("Resources", map[string]any{"overhead": whole(overhead), "resources": whole(resources)})
	return p.happened(ctx, "UpdatePodSandbox", pod, nil)
}

func (p *plugin) PostUpdatePodSandbox(ctx context.Context, pod *api.PodSandbox) error {
	return p.happened(ctx, "PostUpdatePodSandbox", pod, nil)
}

func (p *plugin) StopPodSandbox(ctx context.Context, pod *api.PodSandbox) error {
	return p.happened(ctx, "StopPodSandbox", pod, nil)
}

func (p *plugin) RemovePodSandbox(ctx context.Context, pod *api.PodSandbox) error {
	return p.happened(ctx, "RemovePodSandbox", pod, nil)
}

func (p *plugin) CreateContainer(ctx context.Context, pod *api.PodSandbox, container *api.Container) (*api.ContainerAdjustment, []*api.ContainerUpdate, error) {
	if err := p.happened(ctx, "CreateContainer", pod, container); err != nil {
		return nil, nil, err
	}
	text, ok := p.orders.Adjust[container.GetName()]
	if !ok {
		text, ok = p.orders.Adjust[""]
	}
	adjust := &api.ContainerAdjustment{}
	if ok {
		if err := protojson.Unmarshal(text, adjust); err != nil {
			return nil, nil, err
		}
	}
	return adjust, p.updates(p.orders.Update["CreateContainer"], ""), nil
}

func (p *plugin) PostCreateContainer(ctx context.Context, pod *api.PodSandbox, container *api.Container) error {
	return p.happened(ctx, "PostCreateContainer", pod, container)
}

func (p *plugin) StartContainer(ctx context.Context, pod *api.PodSandbox, container *api.Container) error {
	return p.happened(ctx, "StartContainer", pod, container)
}

func (p *plugin) PostStartContainer(ctx context.Context, pod *api.PodSandbox, container *api.Container) error {
	return p.happened(ctx, "PostStartContainer", pod, container)
}

func (p *plugin) UpdateContainer(ctx context.Context, pod *api.PodSandbox, container *api.Container, resources *api.LinuxResources) ([]*api.ContainerUpdate, error) {
	p.note("Resources", map[string]any{"resources": whole(resources)})
	if err := p.happened(ctx, "UpdateContainer", pod, container); err != nil {
		return nil, err
	}
	return p.updates(p.orders.Update["UpdateContainer"], container.GetId()), nil
}

func (p *plugin) PostUpdateContainer(ctx context.Context, pod *api.PodSandbox, container *api.Container) error {
	return p.happened(ctx, "PostUpdateContainer", pod, container)
}

func (p *plugin) StopContainer(ctx context.Context, pod *api.PodSandbox, container *api.Container) ([]*api.ContainerUpdate, error) {
	if err := p.happened(ctx, "StopContainer", pod, container); err != nil {
		return nil, err
	}
	return p.updates(p.orders.Update["StopContainer"], ""), nil
}

func (p *plugin) RemoveContainer(ctx context.Context, pod *api.PodSandbox, container *api.Container) error {
	return p.happened(ctx, "RemoveContainer", pod, container)
}

func (p *plugin) ValidateContainerAdjustment(_ context.Context, request *api.ValidateContainerAdjustmentRequest) error {
	p.note("ValidateContainerAdjustment", map[string]any{"request": whole(request)})
	if p.orders.Reject != "" {
		return errors.New(p.orders.Reject)
	}
	return nil
}
