package archivetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"footfall/archive"
)

// Memory is the model of a keeper of objects.
type Memory struct {
	mu      sync.Mutex
	objects map[string][]byte
	aside   map[string][]byte
}

// NewMemory is an empty one.
func NewMemory() *Memory {
	return &Memory{objects: map[string][]byte{}, aside: map[string][]byte{}}
}

// Put implements archive.Objects.
func (m *Memory) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := errors.Join(ctx.Err(), write(&b)); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.objects[name] = b.Bytes()
	return nil
}

// Open implements archive.Objects.
func (m *Memory) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.objects[name]
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// List implements archive.Objects.
func (m *Memory) List(ctx context.Context, prefix string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(m.objects)) {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names, ctx.Err()
}

// Remove implements archive.Objects.
func (m *Memory) Remove(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, name)
	return nil
}

// Aside implements archive.Objects.
func (m *Memory) Aside(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if b, ok := m.objects[name]; ok {
		m.aside[name] = b
		delete(m.objects, name)
	}
	return nil
}

// ErrFault is what Faulty fails with.
var ErrFault = errors.New("archivetest: this call was to fail")

// Faulty lets calls that change something fail.
type Faulty struct {
	archive.Objects
	At    int  // the number of the first call that fails, from 1; 0 is none
	For   int  // how many calls fail from there
	After bool // the failing calls do their work, and only their answer is lost

	calls int
	aside []string
}

// Calls is how many calls that change something there were.
func (f *Faulty) Calls() int { return f.calls }

// Asides is the names that were to be moved aside.
func (f *Faulty) Asides() []string { return f.aside }

func (f *Faulty) run(call func() error) error {
	f.calls++
	if f.At == 0 || f.calls < f.At || f.calls >= f.At+f.For {
		return call()
	}
	if f.After {
		if err := call(); err != nil {
			return err
		}
	}
	return ErrFault
}

// Put implements archive.Objects.
func (f *Faulty) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	return f.run(func() error { return f.Objects.Put(ctx, name, write) })
}

// Remove implements archive.Objects.
func (f *Faulty) Remove(ctx context.Context, name string) error {
	return f.run(func() error { return f.Objects.Remove(ctx, name) })
}

// Aside implements archive.Objects.
func (f *Faulty) Aside(ctx context.Context, name string) error {
	f.aside = append(f.aside, name)
	return f.run(func() error { return f.Objects.Aside(ctx, name) })
}
