// Package backup keeps backups in a directory or a bucket, each named by the moment it
// was made. A backup is complete if it has its list of files, which is written last.
// Files that never change are shared with the backup before. docs/format/backup.md
// describes the bytes.
package backup

import (
	"bytes"
	"cmp"
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
	"strings"
	"time"
)

const (
	listName = "backup.ndjson"
	version  = 2 // of the format; 1 had no File.In
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
	In    string `json:"in,omitempty"` // the backup that has its bytes, if it is another
}

// there is where its bytes are, to who looks for them: in the backup, or beside it.
func (f File) there() string {
	if f.In == "" {
		return f.Name
	}
	return key(f.In, f.Name)
}

// Set is a complete backup.
type Set struct {
	Dir   string // where it is, as it is to be typed
	Head  Head
	Files []File

	place Place
	name  string
}

// Bytes is the size of all files.
func (s *Set) Bytes() (n int64) {
	for _, f := range s.Files {
		n += f.Bytes
	}
	return n
}

// Open reads the list of the backup of a name; without one, of the newest there is.
func Open(ctx context.Context, in Place, name string) (*Set, error) {
	if name != "" {
		return read(ctx, in, name)
	}
	all, err := in.names(ctx)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there is no complete backup in %s: name what was given to footfall backup, or one of the backups in it", in.String(""))
	}
	return read(ctx, in, all[len(all)-1])
}

// Whole reports whether a directory is a backup itself, whatever its name.
func Whole(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, listName))
	return err == nil
}

// DamagedError tells of files of a backup that are not what was written.
type DamagedError struct {
	Dir   string
	Files []string // with what is wrong of each
}

// Error says what to do.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("the backup %s is damaged: %s; make another one, elsewhere or after removing these files here, and use an older one until then",
		e.Dir, strings.Join(e.Files, "; "))
}

func read(ctx context.Context, in Place, name string) (*Set, error) {
	list, err := in.open(ctx, name, listName)
	if err != nil {
		return nil, err
	}
	defer list.Close()
	text, err := io.ReadAll(list)
	if err != nil {
		return nil, err
	}
	dir := in.String(name)
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
	s := &Set{Dir: dir, place: in, name: name}
	lines := json.NewDecoder(bytes.NewReader(body))
	if lines.Decode(&s.Head) != nil {
		return nil, damaged
	}
	if s.Head.Format > version {
		return nil, fmt.Errorf("the backup %s is of format %d, this footfall knows %d: restore it with a newer footfall", dir, s.Head.Format, version)
	}
	for lines.More() {
		var f File
		if lines.Decode(&f) != nil || !fs.ValidPath(f.Name) || f.In != "" && !Named(f.In) {
			return nil, damaged
		}
		s.Files = append(s.Files, f)
	}
	return s, nil
}

// write writes the list.
func (s *Set) write(w io.Writer) error {
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
}

// Copy writes a file's bytes, and fails if they are not those that were kept.
func (s *Set) Copy(ctx context.Context, f File, to io.Writer) error {
	from, err := s.place.open(ctx, cmp.Or(f.In, s.name), f.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return &DamagedError{s.Dir, []string{f.there() + ": no such file"}}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	defer from.Close()
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(to, hash), canceled{ctx, from})
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	if n != f.Bytes || hex.EncodeToString(hash.Sum(nil)) != f.Sum {
		return &DamagedError{s.Dir, []string{f.there() + " is not what was written"}}
	}
	return nil
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
