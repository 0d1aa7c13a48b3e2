package backup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

const (
	partPrefix = ".part-" // of a backup that is not complete
	gonePrefix = ".gone-" // of one that is being removed
)

// Directory keeps each backup as a folder. Files that never change are shared by hard
// links, so that each folder is whole in itself.
func Directory(dir string) Place { return directory(dir) }

type directory string

func (d directory) String(backup string) string { return filepath.Join(string(d), backup) }

func (d directory) names(context.Context) (all []string, err error) {
	entries, err := os.ReadDir(string(d))
	for _, e := range entries {
		if !Named(e.Name()) || !e.IsDir() {
			continue
		}
		if _, err := os.Stat(filepath.Join(string(d), e.Name(), listName)); err == nil {
			all = append(all, e.Name())
		}
	}
	slices.Sort(all)
	return all, err
}

func (d directory) open(_ context.Context, backup, file string) (io.ReadCloser, error) {
	return os.Open(filepath.Join(string(d), backup, filepath.FromSlash(file)))
}

// begin makes the directory if it is not there, and removes what others left that were
// not ended. One at a time.
func (d directory) begin(_ context.Context, backup string) (desk, error) {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(string(d), "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("another backup into %s is under way; wait for it to end", string(d))
	}
	f := &folder{in: d, name: backup, part: filepath.Join(string(d), partPrefix+backup), lock: lock, ready: map[string]bool{}}
	err = sweep(string(d))
	if err == nil {
		err = os.Mkdir(f.part, 0o700)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return f, nil
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

func (d directory) remove(_ context.Context, backups []string) error {
	for _, name := range backups {
		gone := filepath.Join(string(d), gonePrefix+name) // so that half of one never looks like one
		if err := os.Rename(filepath.Join(string(d), name), gone); err != nil {
			return err
		}
		if err := os.RemoveAll(gone); err != nil {
			return err
		}
	}
	return nil
}

// Free is how many bytes may be written to the file system of a path.
func Free(path string) (int64, error) {
	var disk syscall.Statfs_t
	err := syscall.Statfs(path, &disk)
	return int64(disk.Bavail) * int64(disk.Bsize), err
}

// folder is a backup that is being made in a directory: it gets its name at the end.
type folder struct {
	in    directory
	name  string
	part  string
	lock  *os.File
	ready map[string]bool // folders in it that are made
}

// path is where a file goes, whose folder is made.
func (f *folder) path(name string) (string, error) {
	path := filepath.Join(f.part, filepath.FromSlash(name))
	above := filepath.Dir(path)
	if f.ready[above] {
		return path, nil
	}
	f.ready[above] = true
	return path, os.MkdirAll(above, 0o700)
}

func (f *folder) put(_ context.Context, name string, write func(io.Writer) error) error {
	path, err := f.path(name)
	if err != nil {
		return err
	}
	return put(path, write)
}

// put writes a file, and gives it its name when it is on disk.
func put(path string, write func(io.Writer) error) error {
	part, err := os.OpenFile(path+".part", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(part, 1<<18)
	if err = write(w); err == nil {
		err = w.Flush()
	}
	if err = errors.Join(err, part.Sync(), part.Close()); err == nil {
		err = os.Rename(path+".part", path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(path+".part"))
	}
	return nil
}

func (f *folder) made(_ context.Context, name string, make func(path string) error, to io.Writer) error {
	path, err := f.path(name)
	if err == nil {
		err = make(path)
	}
	if err != nil {
		return err
	}
	return copyFile(path, to)
}

func copyFile(path string, to io.Writer) error {
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	_, err = io.Copy(to, from)
	return err
}

func (f *folder) share(_ context.Context, file File, older string) (string, bool) {
	old := filepath.Join(string(f.in), older, filepath.FromSlash(file.Name))
	if info, err := os.Lstat(old); err != nil || info.Size() != file.Bytes || !info.Mode().IsRegular() {
		return "", false
	}
	path, err := f.path(file.Name)
	return "", err == nil && os.Link(old, path) == nil
}

func (f *folder) end(_ context.Context, list func(io.Writer) error) error {
	if err := put(filepath.Join(f.part, listName), list); err != nil {
		return err
	}
	if err := syncFolders(f.part); err != nil {
		return err
	}
	if err := os.Rename(f.part, filepath.Join(string(f.in), f.name)); err != nil {
		return err
	}
	return syncFolder(string(f.in))
}

func (f *folder) close() error { return errors.Join(os.RemoveAll(f.part), f.lock.Close()) }

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
