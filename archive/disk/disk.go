// Package disk keeps an archive's objects as files in a folder. A file appears
// under its name only when all of it is on disk: it is written and synced
// under a temporary name beside it, renamed, and then its folder is synced,
// with every folder above that was not known to be on disk yet.
package disk

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"footfall/archive"
)

const (
	tempSuffix  = ".tmp"   // no reader's *.parquet matches it
	asideFolder = "_aside" // what was moved aside, each with asideSuffix for the same reason
	asideSuffix = ".aside"
	bufferBytes = 64 << 10
)

// Objects is a folder of objects.
type Objects struct {
	root string

	mu     sync.Mutex
	synced map[string]struct{} // folders known to be on disk
}

var _ archive.Objects = (*Objects)(nil)

// Open opens the folder, making it if it is missing.
func Open(folder string) (*Objects, error) {
	root, err := filepath.Abs(folder)
	if err != nil {
		return nil, fmt.Errorf("archive folder %s: %w", folder, err)
	}
	if err := os.MkdirAll(root, 0o750); err != nil {
		return nil, fmt.Errorf("archive folder: %w", err)
	}
	if err := syncFolder(filepath.Dir(root)); err != nil {
		return nil, fmt.Errorf("archive folder: %w", err)
	}
	return &Objects{root: root, synced: map[string]struct{}{root: {}}}, nil
}

func (o *Objects) path(ctx context.Context, name string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if !fs.ValidPath(name) || name == "." {
		return "", fmt.Errorf("%q is no name of an object", name)
	}
	return filepath.Join(o.root, filepath.FromSlash(name)), nil
}

// Put implements archive.Objects.
func (o *Objects) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	path, err := o.path(ctx, name)
	if err != nil {
		return err
	}
	temp := path + tempSuffix
	err = o.writeFile(temp, write)
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		// Best effort: what stays is overwritten or removed with its object.
		_ = os.Remove(temp)
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func (o *Objects) writeFile(path string, write func(io.Writer) error) (err error) {
	f, err := o.create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, bufferBytes)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Sync()
}

// create creates a file and the folders above it. A folder known to be there
// may have been removed since, by somebody who clears away old hours.
func (o *Objects) create(path string) (*os.File, error) {
	for again := false; ; again = true {
		if err := o.makeFolder(filepath.Dir(path)); err != nil {
			return nil, err
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
		if !errors.Is(err, fs.ErrNotExist) || again {
			return f, err
		}
		o.mu.Lock()
		o.synced = map[string]struct{}{o.root: {}}
		o.mu.Unlock()
	}
}

// makeFolder makes a folder and those above it, and syncs each one's parent.
// A folder that is there already may have been made by a process that was
// killed before it could sync: so it is synced once by this one, too.
func (o *Objects) makeFolder(folder string) error {
	o.mu.Lock()
	_, done := o.synced[folder]
	o.mu.Unlock()
	if done {
		return nil
	}
	parent := filepath.Dir(folder)
	if err := o.makeFolder(parent); err != nil {
		return err
	}
	if err := os.Mkdir(folder, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := syncFolder(parent); err != nil {
		return err
	}
	o.mu.Lock()
	o.synced[folder] = struct{}{}
	o.mu.Unlock()
	return nil
}

func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Open implements archive.Objects.
func (o *Objects) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	path, err := o.path(ctx, name)
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

// List implements archive.Objects.
func (o *Objects) List(ctx context.Context, prefix string) ([]string, error) {
	var names []string
	start := filepath.Join(o.root, filepath.FromSlash(prefix[:strings.LastIndexByte(prefix, '/')+1]))
	err := filepath.WalkDir(start, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == start {
			return fs.SkipAll
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(o.root, path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		switch {
		case d.IsDir() && name == asideFolder:
			return fs.SkipDir
		case d.IsDir(), strings.HasSuffix(name, tempSuffix), !strings.HasPrefix(name, prefix):
			return nil
		}
		names = append(names, name)
		return nil
	})
	return names, err
}

// Remove implements archive.Objects. What an unfinished Put of the same name
// left goes, too, and folders that are empty then.
func (o *Objects) Remove(ctx context.Context, name string) error {
	path, err := o.path(ctx, name)
	if err != nil {
		return err
	}
	for _, p := range []string{path + tempSuffix, path} {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	folder := filepath.Dir(path)
	for folder != o.root && os.Remove(folder) == nil { // create makes it again
		folder = filepath.Dir(folder)
	}
	return syncIfThere(folder)
}

// Aside implements archive.Objects: the file goes to the folder _aside.
func (o *Objects) Aside(ctx context.Context, name string) error {
	path, err := o.path(ctx, name)
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return o.Remove(ctx, name)
	}
	stamp := time.Now().UTC().Format(".20060102T150405.000000000")
	to := filepath.Join(o.root, asideFolder, filepath.FromSlash(name)+stamp+asideSuffix)
	if err := o.makeFolder(filepath.Dir(to)); err != nil {
		return err
	}
	if err := os.Rename(path, to); err != nil {
		return err
	}
	return errors.Join(syncFolder(filepath.Dir(to)), syncIfThere(filepath.Dir(path)))
}

func syncIfThere(folder string) error {
	err := syncFolder(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
