package archive

import (
	"context"
	"fmt"
	"io"

	"footfall/event"
)

// Piece is a part of a copy of the archive.
type Piece struct {
	Name  string
	Bytes int64 // of an object, whose content never changes under its name; 0 of a file of the manifest
	Open  func() (io.ReadCloser, error)
}

// Copy hands over what a copy of the archive consists of, as of one moment: the
// files of the manifest, while no flush is written, and then the objects that they
// name, beside flushes. An object that fn can't open is missing: such a copy could
// not be read. It returns up to where in the queue the copy is.
func (a *Archive) Copy(ctx context.Context, fn func(Piece) error) (event.Position, error) {
	a.reading.RLock()
	defer a.reading.RUnlock()
	m, err := a.copyManifest(ctx, fn)
	if err != nil {
		return event.Position{}, fmt.Errorf("archive: copy of the manifest: %w", err)
	}
	err = m.each(ctx, a.objects, func(e entry) error {
		for _, o := range e.Objects {
			if err := fn(a.piece(ctx, o.Name, o.Bytes)); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	return m.last().To, err
}

func (a *Archive) piece(ctx context.Context, name string, bytes int64) Piece {
	return Piece{name, bytes, func() (io.ReadCloser, error) { return a.objects.Open(ctx, name) }}
}

// copyManifest hands over the files of the manifest there is, and returns it.
func (a *Archive) copyManifest(ctx context.Context, fn func(Piece) error) (manifest, error) {
	a.writing.Lock()
	defer a.writing.Unlock()
	if a.stale {
		if err := a.reload(ctx); err != nil {
			return manifest{}, err
		}
	}
	names, err := a.objects.List(ctx, manifestPrefix)
	if err != nil {
		return manifest{}, err
	}
	for _, name := range names {
		if name == pendingName || name == removingName { // of what has ended
			continue
		}
		if err := fn(a.piece(ctx, name, 0)); err != nil {
			return manifest{}, err
		}
	}
	return a.entries(), nil
}
