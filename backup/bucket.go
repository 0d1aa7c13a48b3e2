package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Objects keeps named objects: each is there whole, or not at all.
type Objects interface {
	Put(ctx context.Context, name string, write func(io.Writer) error) error
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	List(ctx context.Context, prefix string) ([]string, error)
	Remove(ctx context.Context, name string) error
}

const (
	dead     = 24 * time.Hour // after which a backup that has no list was cut short
	clearing = time.Minute    // for removing what was not ended
)

// Bucket keeps each backup as objects that begin with its name. Files that never change
// stay where the backup before has them, and the list says where: so one that is
// removed leaves those that others name. where spells its URL and those of backups in
// it; scratch is a directory of this machine for databases on their way, which is made
// and removed.
func Bucket(objects Objects, where func(backup string) string, scratch string) Place {
	return &bucket{objects, where, scratch}
}

type bucket struct {
	objects Objects
	where   func(backup string) string
	scratch string
}

func (b *bucket) String(backup string) string { return b.where(backup) }

func (b *bucket) open(ctx context.Context, backup, file string) (io.ReadCloser, error) {
	return b.objects.Open(ctx, key(backup, file))
}

func key(backup, file string) string { return backup + "/" + file }

func (b *bucket) names(ctx context.Context) ([]string, error) {
	all, err := b.objects.List(ctx, "")
	if err != nil {
		return nil, err
	}
	return complete(all), nil
}

// complete are the backups whose list is among names, the oldest first.
func complete(names []string) (all []string) {
	for _, name := range names {
		if backup, file, _ := strings.Cut(name, "/"); file == listName && Named(backup) {
			all = append(all, backup)
		}
	}
	slices.Sort(all)
	return all
}

func (b *bucket) begin(ctx context.Context, backup string) (desk, error) {
	there, err := b.objects.List(ctx, "")
	if err != nil {
		return nil, err
	}
	u := &upload{in: b, name: backup, there: map[string]bool{}}
	for _, name := range there {
		u.there[name] = true
	}
	return u, errors.Join(os.RemoveAll(b.scratch), os.MkdirAll(b.scratch, 0o700))
}

// remove removes lists first: what has none is no backup. Then what no list names goes,
// also that of backups that were cut short.
func (b *bucket) remove(ctx context.Context, backups []string) error {
	for _, name := range backups {
		if err := b.objects.Remove(ctx, key(name, listName)); err != nil {
			return err
		}
	}
	there, err := b.objects.List(ctx, "")
	if err != nil {
		return err
	}
	whole := complete(there)
	loose := slices.DeleteFunc(there, func(name string) bool {
		backup, _, _ := strings.Cut(name, "/")
		at, err := time.Parse(nameForm, backup)
		return err != nil || slices.Contains(whole, backup) || time.Since(at) < dead && !slices.Contains(backups, backup)
	})
	if len(loose) == 0 {
		return nil
	}
	named := map[string]bool{}
	for _, backup := range whole {
		s, err := read(ctx, b, backup)
		if err != nil { // what it names is not known
			return fmt.Errorf("nothing that older backups left is removed: %w", err)
		}
		for _, f := range s.Files {
			if f.In != "" {
				named[key(f.In, f.Name)] = true
			}
		}
	}
	for _, name := range loose {
		if !named[name] {
			err = errors.Join(err, b.objects.Remove(ctx, name))
		}
	}
	return err
}

// upload is a backup that is being made in a bucket.
type upload struct {
	in    *bucket
	name  string
	there map[string]bool // names in the bucket when it began
	keys  []string        // of its files
	ended bool
}

func (u *upload) put(ctx context.Context, file string, write func(io.Writer) error) error {
	u.keys = append(u.keys, key(u.name, file))
	return u.in.objects.Put(ctx, key(u.name, file), write)
}

func (u *upload) made(ctx context.Context, file string, make func(path string) error, to io.Writer) error {
	path := filepath.Join(u.in.scratch, filepath.Base(file))
	err := make(path)
	if err == nil {
		err = u.put(ctx, file, func(w io.Writer) error { return copyFile(path, io.MultiWriter(w, to)) })
	}
	return errors.Join(err, os.RemoveAll(path))
}

func (u *upload) share(_ context.Context, f File, older string) (string, bool) {
	in := cmp.Or(f.In, older)
	if !u.there[key(in, f.Name)] {
		return "", false
	}
	u.keys = append(u.keys, key(in, f.Name))
	return in, true
}

// end sees that nobody took a file away meanwhile, and puts the list.
func (u *upload) end(ctx context.Context, list func(io.Writer) error) error {
	now, err := u.in.objects.List(ctx, "")
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, name := range now {
		there[name] = true
	}
	for _, name := range u.keys {
		if !there[name] {
			return fmt.Errorf("%s is not there any more: does something else remove backups here? Make it again", u.in.String(name))
		}
	}
	u.ended = true // perhaps it is, whatever comes
	return u.in.objects.Put(ctx, key(u.name, listName), list)
}

func (u *upload) close() error {
	err := os.RemoveAll(u.in.scratch)
	if u.ended {
		return err
	}
	ctx, enough := context.WithTimeout(context.Background(), clearing)
	defer enough()
	names, failed := u.in.objects.List(ctx, u.name+"/")
	for _, name := range names {
		failed = errors.Join(failed, u.in.objects.Remove(ctx, name))
	}
	return errors.Join(err, failed)
}
