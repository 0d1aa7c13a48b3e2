package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"footfall/archive"
)

var archiveCommands = []command{
	{"archive move", "--to DIR|s3://…|inside", "move the archive elsewhere, with no server running", runMove},
}

var archiveFlags = map[string][][3]string{
	"archive move": {{"to", "", "directory or s3://bucket/prefix, or inside: the data directory"}},
}

// movingName is the object that is at the new place while an archive is moved there.
const movingName = "_moving"

// moved is what was moved.
type moved struct {
	From    string        `json:"from"`
	To      string        `json:"to"`
	Archive archive.Stats `json:"archive"`
}

func runMove(ctx context.Context, c *call) (err error) {
	if err := c.hasData(); err != nil {
		return err
	}
	dir, to := c.values["data"], c.flags.Lookup("to").Value.String()
	if to == "" {
		return misused("--to is missing: a directory, s3://bucket/prefix, or inside for the data directory")
	}
	lock, err := lockDir(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	from, was, err := c.whereNow(dir)
	if err != nil {
		return err
	}
	if to == "inside" {
		to = ""
	} else if to, err = named(to); err != nil {
		return err
	}
	next := config{values: map[string]string{"data": dir, "archive": to}}
	k, where, err := next.archiveKeeper()
	if err != nil {
		return err
	}
	if where == was {
		return errors.New("the archive is there already")
	}
	stats, err := c.move(ctx, dir, from, k, where)
	if err != nil {
		return err
	}
	if err := noteArchive(dir, where); err != nil {
		return err
	}
	m := moved{From: from.String(), To: k.String(), Archive: stats}
	return c.print(m, func(w io.Writer) {
		fmt.Fprintf(w, "%d events in %d objects are at %s now. Give that as the setting archive from now on (nothing if it is inside).\n", m.Archive.Rows, m.Archive.Objects, m.To)
		fmt.Fprintf(w, "What is at %s is not used any more: remove it when all is as it should be, as who is erased stays in it.\n", m.From)
	})
}

// whereNow is where the archive is. The setting says how its bucket is asked, if it
// leads there.
func (c *call) whereNow(dir string) (keeper, string, error) {
	noted, err := notedArchive(dir)
	if err != nil {
		return keeper{}, "", err
	}
	if k, where, err := c.archiveKeeper(); err != nil || where == noted {
		return k, noted, err
	}
	if noted == "" {
		return keeper{dir: filepath.Join(dir, "archive")}, "", nil
	}
	k, err := keeperOf(noted)
	return k, noted, err
}

// move copies the archive to an empty place, or goes on with that, and sees that all of
// it is there.
func (c *call) move(ctx context.Context, dir string, from, to keeper, where string) (archive.Stats, error) {
	secret, err := readSecret(filepath.Join(dir, "secret"))
	if err != nil {
		return archive.Stats{}, err
	}
	old, err := from.open(ctx)
	if err != nil {
		return archive.Stats{}, err
	}
	next, err := to.open(ctx)
	if err != nil {
		return archive.Stats{}, err
	}
	if err := beginMove(ctx, next, where, owner(secret)); err != nil {
		return archive.Stats{}, err
	}
	a, err := archive.Open(ctx, old, archive.Options{Log: c.logger()})
	if err != nil {
		return archive.Stats{}, err
	}
	if err := c.copyArchive(ctx, a, next); err != nil {
		return archive.Stats{}, fmt.Errorf("%w; the archive is where it was, and the same command goes on", err)
	}
	b, err := archive.Open(ctx, next, archive.Options{Log: c.logger()})
	if err != nil {
		return archive.Stats{}, err
	}
	unknown, missing, err := b.Check(ctx)
	if err == nil && (len(unknown)+len(missing) > 0 || a.Stats() != b.Stats() || a.Position() != b.Position()) {
		err = fmt.Errorf("what is at %s is not what was to be moved (%d objects are missing, %d should not be there): the archive is where it was; empty that place and try again", where, len(missing), len(unknown))
	}
	if err == nil {
		err = next.Remove(ctx, movingName)
	}
	return b.Stats(), errors.Join(err, a.Close(), b.Close())
}

// beginMove marks an empty place, or sees that a move to it was cut short.
func beginMove(ctx context.Context, next archive.Objects, where, owner string) error {
	is, err := readObject(ctx, next, movingName)
	if err == nil && is == owner { // its manifest may be of before
		names, err := next.List(ctx, "_manifest/")
		for _, name := range names {
			err = errors.Join(err, next.Remove(ctx, name))
		}
		return err
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if there, err := hasArchive(ctx, next); err != nil {
		return err
	} else if there || is != "" {
		return fmt.Errorf("there is an archive at the new place already: empty it, or choose another")
	}
	if err := putObject(ctx, next, movingName, owner); err != nil || where == "" {
		return err
	}
	return claim(ctx, next, where, owner, false)
}

// copyArchive copies what is not there yet: an object never changes under its name.
func (c *call) copyArchive(ctx context.Context, a *archive.Archive, next archive.Objects) error {
	names, err := next.List(ctx, "site=")
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, name := range names {
		there[name] = true
	}
	b, done := newBar(c.stderr, "move", int64(a.Stats().Bytes)), int64(0)
	defer b.end()
	_, err = a.Copy(ctx, func(p archive.Piece) error {
		if !there[p.Name] {
			if err := copyPiece(ctx, p, next); err != nil {
				return fmt.Errorf("%s: %w", p.Name, err)
			}
		}
		done += p.Bytes
		b.show(done, mebibytes(done))
		return nil
	})
	return err
}

func copyPiece(ctx context.Context, p archive.Piece, to archive.Objects) error {
	from, err := p.Open()
	if err != nil {
		return err
	}
	defer from.Close()
	return to.Put(ctx, p.Name, func(w io.Writer) error { _, err := io.Copy(w, from); return err })
}
