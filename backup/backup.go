// Package backup keeps backups in a directory, one folder each, named by the
// moment it was made. A backup is complete if it has its list of files, which is
// written last; until then its folder has another name. Files that never change
// are shared with the backup before by hard links. docs/format/backup.md describes
// the bytes.
package backup

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	listName   = "backup.ndjson"
	nameForm   = "2006-01-02T150405.000Z"
	partPrefix = ".part-" // of a backup that is not complete
	gonePrefix = ".gone-" // of one that is being removed
	version    = 1        // of the format
)

// Head is what a backup says of itself.
type Head struct {
	Format    int       `json:"format"`
	Made      time.Time `json:"made"`      // everything accepted before is in it
	Footfall  string    `json:"footfall"`  // which version made it
	Accepted  uint64    `json:"accepted"`  // events ever accepted, by the copy of the queue
	Elsewhere string    `json:"elsewhere"` // where control data and the ledger are, if that is not in it
}

// File is one file of a backup.
type File struct {
	Name  string `json:"name"` // with slashes
	Bytes int64  `json:"bytes"`
	Sum   string `json:"sha256"`
}

// Set is a complete backup.
type Set struct {
	Dir   string
	Head  Head
	Files []File
}

// Bytes is the size of all files.
func (s *Set) Bytes() (n int64) {
	for _, f := range s.Files {
		n += f.Bytes
	}
	return n
}

// names lists the backups in a directory that are complete, the oldest first.
func names(dir string) (all []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if _, err := time.Parse(nameForm, e.Name()); err != nil || !e.IsDir() {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, e.Name(), listName)); err == nil {
			all = append(all, e.Name())
		}
	}
	slices.Sort(all)
	return all, err
}

// Open reads the list of a backup: of the one that is named, or of the newest in
// a directory of backups.
func Open(dir string) (*Set, error) {
	if _, err := os.Stat(filepath.Join(dir, listName)); err == nil {
		return read(dir)
	}
	all, err := names(dir)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there is no complete backup in %s: name the directory that was given to footfall backup, or one of the folders in it", dir)
	}
	return read(filepath.Join(dir, all[len(all)-1]))
}

// DamagedError tells of files of a backup that are not what was written.
type DamagedError struct {
	Dir   string
	Files []string // with what is wrong of each
}

// Error says what to do.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("the backup %s is damaged: %s; make another one, into another directory or after removing these files here, and use an older one until then",
		e.Dir, strings.Join(e.Files, "; "))
}

func read(dir string) (*Set, error) {
	text, err := os.ReadFile(filepath.Join(dir, listName))
	if err != nil {
		return nil, err
	}
	damaged := &DamagedError{dir, []string{listName + " is not what was written"}}
	// The last line is the sum of those before.
	body, last := text, []byte(nil)
	if i := bytes.LastIndexByte(bytes.TrimSuffix(text, []byte("\n")), '\n'); i >= 0 {
		body, last = text[:i+1], text[i+1:]
	}
	var end struct {
		Sum string `json:"sha256"`
	}
	sum := sha256.Sum256(body)
	if !bytes.HasSuffix(last, []byte("\n")) || json.Unmarshal(last, &end) != nil || end.Sum != hex.EncodeToString(sum[:]) {
		return nil, damaged
	}
	s := &Set{Dir: dir}
	lines := json.NewDecoder(bytes.NewReader(body))
	if lines.Decode(&s.Head) != nil {
		return nil, damaged
	}
	if s.Head.Format > version {
		return nil, fmt.Errorf("the backup %s is of format %d, this footfall knows %d: restore it with a newer footfall", dir, s.Head.Format, version)
	}
	for lines.More() {
		var f File
		if lines.Decode(&f) != nil || !fs.ValidPath(f.Name) {
			return nil, damaged
		}
		s.Files = append(s.Files, f)
	}
	return s, nil
}

// write puts the list into a folder, on disk.
func (s *Set) write() error {
	return put(filepath.Join(s.Dir, listName), func(w io.Writer) error {
		hash := sha256.New()
		lines := json.NewEncoder(io.MultiWriter(w, hash))
		if err := lines.Encode(s.Head); err != nil {
			return err
		}
		for _, f := range s.Files {
			if err := lines.Encode(f); err != nil {
				return err
			}
		}
		return json.NewEncoder(w).Encode(map[string]string{"sha256": hex.EncodeToString(hash.Sum(nil))})
	})
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

// Copy writes a file's bytes, and fails if they are not those that were kept.
func (s *Set) Copy(ctx context.Context, f File, to io.Writer) error {
	from, err := os.Open(filepath.Join(s.Dir, filepath.FromSlash(f.Name)))
	if err != nil {
		return &DamagedError{s.Dir, []string{f.Name + ": " + why(err)}}
	}
	defer from.Close()
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(to, hash), canceled{ctx, from})
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	if n != f.Bytes || hex.EncodeToString(hash.Sum(nil)) != f.Sum {
		return &DamagedError{s.Dir, []string{f.Name + " is not what was written"}}
	}
	return nil
}

// why leaves the path out of an error that is said beside it.
func why(err error) string {
	var of *fs.PathError
	if errors.As(err, &of) {
		return of.Err.Error()
	}
	return err.Error()
}

// canceled reads as long as ctx has not ended.
type canceled struct {
	ctx context.Context
	r   io.Reader
}

func (c canceled) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

// Verify reads every file. What is damaged is named, all of it.
func (s *Set) Verify(ctx context.Context, progress func(done int64)) error {
	var all DamagedError
	done := int64(0)
	for _, f := range s.Files {
		err := s.Copy(ctx, f, io.Discard)
		var one *DamagedError
		if errors.As(err, &one) {
			all.Dir, all.Files = s.Dir, append(all.Files, one.Files...)
		} else if err != nil {
			return err
		}
		done += f.Bytes
		progress(done)
	}
	if len(all.Files) > 0 {
		return &all
	}
	return nil
}
