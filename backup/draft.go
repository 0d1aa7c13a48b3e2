package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Draft is a backup that is being made. It must be ended or dropped.
type Draft struct {
	Wrote int64 // bytes written
	Kept  int64 // bytes that were there, of the backup before

	dir    string // of backups
	name   string
	lock   *os.File
	before map[string]File // of the newest that is complete
	last   string          // its folder
	set    Set
	made   map[string]bool // folders
}

// Begin begins a backup in a directory of backups, which is made if it is not
// there. What others left that were not ended is removed. One at a time.
func Begin(dir string, now time.Time) (*Draft, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	d := &Draft{dir: dir, name: now.UTC().Format(nameForm), lock: lock, before: map[string]File{}, made: map[string]bool{}}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("another backup into %s is under way; wait for it to end", dir)
	}
	if err := d.begin(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return d, nil
}

func (d *Draft) begin() error {
	if err := sweep(d.dir); err != nil {
		return err
	}
	all, err := names(d.dir)
	if err != nil {
		return err
	}
	if n := len(all); n > 0 {
		d.last = filepath.Join(d.dir, all[n-1])
		if all[n-1] >= d.name {
			return fmt.Errorf("%s is not older than now: is the clock right?", d.last)
		}
		// Of one whose list is damaged nothing is taken over.
		if s, err := read(d.last); err == nil {
			for _, f := range s.Files {
				d.before[f.Name] = f
			}
		}
	}
	d.set.Dir = filepath.Join(d.dir, partPrefix+d.name)
	return os.Mkdir(d.set.Dir, 0o700)
}

// sweep removes what is no backup, or not any more.
func sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), partPrefix) || strings.HasPrefix(e.Name(), gonePrefix) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// Dir is the directory of backups.
func (d *Draft) Dir() string { return d.dir }

// Free is how many bytes may be written to the file system of a path.
func Free(path string) (int64, error) {
	var disk syscall.Statfs_t
	err := syscall.Statfs(path, &disk)
	return int64(disk.Bavail) * int64(disk.Bsize), err
}

// path is where a file goes, whose folder is made.
func (d *Draft) path(name string) (string, error) {
	path := filepath.Join(d.set.Dir, filepath.FromSlash(name))
	folder := filepath.Dir(path)
	if d.made[folder] {
		return path, nil
	}
	d.made[folder] = true
	return path, os.MkdirAll(folder, 0o700)
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
func (d *Draft) Put(name string, write func(io.Writer) error) error {
	path, err := d.path(name)
	if err != nil {
		return err
	}
	s := summed{hash: sha256.New()}
	err = put(path, func(w io.Writer) error {
		s.w = w
		return write(&s)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	d.add(name, s)
	return nil
}

func (d *Draft) add(name string, s summed) {
	d.Wrote += s.n
	d.set.Files = append(d.set.Files, File{name, s.n, hex.EncodeToString(s.hash.Sum(nil))})
}

// Make adds a file that fn makes at a path and has put on disk.
func (d *Draft) Make(name string, fn func(path string) error) error {
	path, err := d.path(name)
	if err == nil {
		err = fn(path)
	}
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	s := summed{w: io.Discard, hash: sha256.New()}
	if _, err := io.Copy(&s, f); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	d.add(name, s)
	return nil
}

// Has reports whether the backup before has a file of this name and size.
func (d *Draft) Has(name string, bytes int64) bool {
	f, known := d.before[name]
	return known && f.Bytes == bytes
}

// Share adds a file whose content never changes under its name: by a hard link, if
// the backup before has it, else out of what open gives.
func (d *Draft) Share(ctx context.Context, name string, bytes int64, open func() (io.ReadCloser, error)) error {
	if d.Has(name, bytes) && d.link(name, bytes) {
		d.set.Files, d.Kept = append(d.set.Files, d.before[name]), d.Kept+bytes
		return ctx.Err()
	}
	from, err := open()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer from.Close()
	return d.Put(name, func(w io.Writer) error {
		n, err := io.Copy(w, canceled{ctx, from})
		if err == nil && n != bytes {
			err = fmt.Errorf("it has %d bytes and should have %d", n, bytes)
		}
		return err
	})
}

// link shares a file; false if it is to be written instead.
func (d *Draft) link(name string, bytes int64) bool {
	old := filepath.Join(d.last, filepath.FromSlash(name))
	if info, err := os.Lstat(old); err != nil || info.Size() != bytes || !info.Mode().IsRegular() {
		return false
	}
	path, err := d.path(name)
	return err == nil && os.Link(old, path) == nil
}

// End makes the backup complete: the list goes to disk, and then the folder gets
// its name.
func (d *Draft) End(head Head) (*Set, error) {
	d.set.Head = head
	d.set.Head.Format = version
	err := d.set.write()
	if err == nil {
		err = syncFolders(d.set.Dir)
	}
	to := filepath.Join(d.dir, d.name)
	if err == nil {
		err = os.Rename(d.set.Dir, to)
	}
	if err != nil {
		return nil, err
	}
	d.set.Dir = to
	return &d.set, syncFolder(d.dir)
}

// Keep removes all but the newest n backups that are complete.
func (d *Draft) Keep(n int) (removed []string, err error) {
	all, err := names(d.dir)
	if err != nil || n <= 0 || len(all) <= n {
		return nil, err
	}
	for _, name := range all[:len(all)-n] {
		gone := filepath.Join(d.dir, gonePrefix+name) // so that half of one never looks like one
		if err := os.Rename(filepath.Join(d.dir, name), gone); err != nil {
			return removed, err
		}
		removed = append(removed, name)
		if err := os.RemoveAll(gone); err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// Close lets others in. What was not ended is removed.
func (d *Draft) Close() error {
	return errors.Join(os.RemoveAll(filepath.Join(d.dir, partPrefix+d.name)), d.lock.Close())
}

// syncFolders puts a tree's names on disk.
func syncFolders(root string) error {
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		return syncFolder(path)
	})
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
