package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
)

// Draft is a backup that is being made. It must be ended or dropped.
type Draft struct {
	Wrote int64 // bytes written
	Kept  int64 // bytes that were there, of the backup before

	desk   desk
	before map[string]File // of the newest that is complete
	last   string          // its name
	set    Set
}

// Begin begins a backup. One at a time.
func Begin(ctx context.Context, in Place, now time.Time) (*Draft, error) {
	d := &Draft{before: map[string]File{}, set: Set{place: in, name: now.UTC().Format(nameForm)}}
	d.set.Dir = in.String(d.set.name)
	var err error
	if d.desk, err = in.begin(ctx, d.set.name); err != nil {
		return nil, err
	}
	if err := d.lookBack(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// lookBack reads what the backup before has.
func (d *Draft) lookBack(ctx context.Context) error {
	in := d.set.place
	all, err := in.names(ctx)
	if err != nil || len(all) == 0 {
		return err
	}
	if d.last = all[len(all)-1]; d.last >= d.set.name {
		return fmt.Errorf("%s is not older than now: is the clock right?", in.String(d.last))
	}
	s, err := read(ctx, in, d.last)
	var damaged *DamagedError
	if errors.As(err, &damaged) {
		return nil // nothing is taken over
	}
	if err != nil {
		return err
	}
	for _, f := range s.Files {
		d.before[f.Name] = f
	}
	return nil
}

// summed counts and sums up what is written.
type summed struct {
	w    io.Writer
	hash hash.Hash
	n    int64
}

func (s *summed) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	s.hash.Write(b[:n])
	s.n += int64(n)
	return n, err
}

// Put adds a file out of what write writes.
func (d *Draft) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	s := summed{hash: sha256.New()}
	err := d.desk.put(ctx, name, func(w io.Writer) error {
		s.w = w
		return write(&s)
	})
	return d.add(name, s, err)
}

// add adds a file that was written.
func (d *Draft) add(name string, s summed, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	d.Wrote += s.n
	d.set.Files = append(d.set.Files, File{Name: name, Bytes: s.n, Sum: hex.EncodeToString(s.hash.Sum(nil))})
	return nil
}

// Make adds a file that fn makes at a path of this machine and has put on disk.
func (d *Draft) Make(ctx context.Context, name string, fn func(path string) error) error {
	s := summed{w: io.Discard, hash: sha256.New()}
	err := d.desk.made(ctx, name, fn, &s)
	return d.add(name, s, err)
}

// Has reports whether the backup before has a file of this name and size.
func (d *Draft) Has(name string, bytes int64) bool {
	f, known := d.before[name]
	return known && f.Bytes == bytes
}

// Share adds a file whose content never changes under its name: the one that the backup
// before has, else out of what open gives.
func (d *Draft) Share(ctx context.Context, name string, bytes int64, open func() (io.ReadCloser, error)) error {
	if d.Has(name, bytes) {
		f := d.before[name]
		var there bool
		if f.In, there = d.desk.share(ctx, f, d.last); there {
			d.set.Files, d.Kept = append(d.set.Files, f), d.Kept+bytes
			return ctx.Err()
		}
	}
	from, err := open()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer from.Close()
	return d.Put(ctx, name, func(w io.Writer) error {
		n, err := io.Copy(w, canceled{ctx, from})
		if err == nil && n != bytes {
			err = fmt.Errorf("it has %d bytes and should have %d", n, bytes)
		}
		return err
	})
}

// End makes the backup complete.
func (d *Draft) End(ctx context.Context, head Head) (*Set, error) {
	d.set.Head = head
	d.set.Head.Format = version
	if err := d.desk.end(ctx, d.set.write); err != nil {
		return nil, err
	}
	return &d.set, nil
}

// Keep removes all but the newest n backups that are complete; none if n is 0.
func (d *Draft) Keep(ctx context.Context, n int) (removed []string, err error) {
	in := d.set.place
	all, err := in.names(ctx)
	if err != nil {
		return nil, err
	}
	if n > 0 && len(all) > n {
		removed = all[:len(all)-n]
	}
	return removed, in.remove(ctx, removed)
}

// Close lets others in. What was not ended is removed.
func (d *Draft) Close() error { return d.desk.close() }
