package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Copy writes what is in the file at a path, which may be open, as of one moment
// to another path, in the place of what is there: whole and on disk when it
// returns nil, or not at all. Who writes goes on meanwhile. Kind.Copied is heeded.
func Copy(ctx context.Context, from, to string, k Kind) error {
	if err := copyTo(ctx, from, to, k); err != nil {
		return fmt.Errorf("%s: copy of %s to %s: %w", k.Name, from, to, err)
	}
	return nil
}

func copyTo(ctx context.Context, from, to string, k Kind) error {
	if _, err := os.Stat(from); err != nil { // SQLite would make one
		return err
	}
	part := to + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) { // what a crash left
		return err
	}
	made, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL, 0o600) // empty: VACUUM INTO takes it, and its mode
	if err != nil {
		return err
	}
	made.Close()
	// A connection of its own, so that nobody waits for this one.
	db := connect(from, "_busy_timeout="+patience)
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", part)
	err = errors.Join(err, db.Close())
	if err == nil && k.Copied != nil {
		err = strip(part, k)
	}
	if err == nil {
		err = Settle(part, to)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return nil
}

// strip takes out of a copy what must not outlive the file in it.
func strip(path string, k Kind) error {
	copied := connect(path, writing+"&"+k.Pragmas)
	copied.SetMaxOpenConns(1)
	return errors.Join(k.Copied(copied), alone(copied), copied.Close()) // the last to close a file empties its log
}

// alone leaves the file with no log beside it, also for who only reads it.
func alone(copied *sql.DB) error {
	_, err := copied.Exec("PRAGMA journal_mode = DELETE")
	return err
}

// Settle gives a file its name once it is on disk.
func Settle(part, path string) error {
	if err := onDisk(part); err != nil {
		return err
	}
	if err := os.Rename(part, path); err != nil {
		return err
	}
	return onDisk(filepath.Dir(path))
}

func onDisk(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
