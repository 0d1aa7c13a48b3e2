package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mattn/go-sqlite3"
)

// ErrDamaged tells that a file is no longer what was written.
var ErrDamaged = errors.New("damaged")

// Judge says what to do if SQLite found the file damaged, or err is ErrDamaged;
// any other error is returned as it is.
func (f *File) Judge(err error) error {
	var said sqlite3.Error
	var judged *damage
	switch {
	case errors.As(err, &judged):
		return err
	case errors.Is(err, ErrDamaged):
		return &damage{err, f.kind.Repair}
	case errors.As(err, &said) && (said.Code == sqlite3.ErrCorrupt || said.Code == sqlite3.ErrNotADB):
		return &damage{fmt.Errorf("%w: %w", ErrDamaged, err), f.kind.Repair}
	}
	return err
}

// damage is an error with what to do about it.
type damage struct {
	err    error
	repair string
}

func (d *damage) Error() string { return d.err.Error() + "; " + d.repair }
func (d *damage) Unwrap() error { return d.err }

// Unreadable is a judged error that names the file.
func (f *File) Unreadable(err error) error {
	return fmt.Errorf("%s: %s cannot be read: %w", f.kind.Name, f.path, f.Judge(err))
}

// prepare refuses a file that it can't know, and runs the steps that are missing.
func (f *File) prepare() error {
	look, steps := worthLooking(f.path), f.kind.Steps
	version, err := f.version()
	switch {
	case err != nil:
		return err
	case version > len(steps):
		or := ""
		if f.kind.Newer != "" {
			or = ", or " + f.kind.Newer
		}
		return fmt.Errorf("%s: %s has format %d, this footfall knows %d: install a newer footfall%s", f.kind.Name, f.path, version, len(steps), or)
	case version == len(steps) && !look:
		return nil
	}
	if err := f.whole(); err != nil {
		return err
	}
	if version > 0 && version < len(steps) {
		if err := f.backUp(version); err != nil {
			return fmt.Errorf("before its format changes: %w; make room, the next start tries again", err)
		}
	}
	for ; version < len(steps); version++ {
		if err := f.step(version); err != nil {
			return fmt.Errorf("%s: making format %d of %s: %w", f.kind.Name, version+1, f.path, f.Judge(err))
		}
	}
	return nil
}

// backUp copies the file as it is before its first step, while no other process
// can make the same copy or change the format; unless one has just done it.
func (f *File) backUp(version int) error {
	tx, err := f.Writer.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var now int
	if err := tx.QueryRow("PRAGMA user_version").Scan(&now); err != nil || now > version {
		return err
	}
	return Copy(context.Background(), f.path, fmt.Sprintf("%s.v%d.bak", f.path, version), f.kind)
}

// begin waits for another process that makes the tables. While that one makes a new
// file's log, SQLite tells others at once that it is locked, whatever their patience.
func (f *File) begin() (tx *sql.Tx, err error) {
	var said sqlite3.Error
	for range locked {
		if tx, err = f.Writer.Begin(); !errors.As(err, &said) || said.Code != sqlite3.ErrBusy {
			return tx, err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, err
}

// locked is how often a file that is locked is tried.
const locked = 100

// version is the file's; 0 is an empty one.
func (f *File) version() (version int, err error) {
	tx, err := f.begin()
	if err != nil {
		return 0, f.Unreadable(err)
	}
	defer tx.Rollback()
	var id, tables int
	for query, into := range map[string]*int{"PRAGMA application_id": &id, "PRAGMA user_version": &version, "SELECT count(*) FROM sqlite_schema": &tables} {
		if err := tx.QueryRow(query).Scan(into); err != nil {
			return 0, f.Unreadable(err)
		}
	}
	ours, empty := id == f.kind.Application && version > 0, id == 0 && version == 0 && tables == 0
	if !ours && !empty {
		return 0, fmt.Errorf("%s: %s is a file of something else: move it away", f.kind.Name, f.path)
	}
	return version, nil
}

// step runs one step, unless another process has just done it.
func (f *File) step(version int) error {
	tx, err := f.Writer.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	var now int
	if err := tx.QueryRow("PRAGMA user_version").Scan(&now); err != nil || now > version {
		return err
	}
	if _, err := tx.Exec(f.kind.Steps[version] + fmt.Sprintf("; PRAGMA application_id = %d; PRAGMA user_version = %d;", f.kind.Application, version+1)); err != nil {
		return err
	}
	return tx.Commit()
}

// small is up to what size, in bytes, a file is looked through in no time. It
// would take a second for each 200 MB.
const small = 32 << 20

// worthLooking reports whether to look at every page of a file that is not open
// yet: a small one, and one that was not closed in order.
func worthLooking(path string) bool {
	info, err := os.Stat(path)
	log, open := os.Stat(path + "-wal")
	return err != nil || info.Size() <= small || open == nil && log.Size() > 0
}

// whole looks at every page of the file.
func (f *File) whole() error {
	var found string
	if err := f.Writer.QueryRow("PRAGMA quick_check(1)").Scan(&found); err != nil {
		return f.Unreadable(err)
	}
	if found != "ok" {
		return f.Unreadable(fmt.Errorf("%w: %s", ErrDamaged, found))
	}
	return nil
}
