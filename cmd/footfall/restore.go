package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"footfall/backup"
	"footfall/queue/nats"
)

func runBackup(ctx context.Context, c *call) error {
	if len(c.args) != 1 {
		return misused("name the directory that backups are kept in, or s3://bucket/prefix")
	}
	to, err := named(c.args[0])
	if err != nil {
		return err
	}
	k, err := c.dial(ctx)
	if err != nil {
		return err
	}
	form := c.form("backup")
	form.Set("to", to)
	last, err := c.backingUp(ctx, k, form)
	if err = errors.Join(err, k.close()); err != nil {
		return err
	}
	return c.print(last.Report, func(w io.Writer) { printBackup(w, *last.Report) })
}

// backingUp asks for a backup and shows how far it is.
func (c *call) backingUp(ctx context.Context, k *client, form url.Values) (last backupProgress, err error) {
	res, err := k.do(ctx, "POST", "/backup", form, nil)
	if err != nil {
		return last, err
	}
	defer res.Body.Close()
	lines := json.NewDecoder(res.Body)
	var b *bar
	for !last.Done {
		if err := lines.Decode(&last); err != nil {
			if ctx.Err() != nil {
				return last, errors.New("stopped; there is no new backup, and the older ones are as they were")
			}
			return last, errors.New("the server went away before the backup was complete; the older ones are as they were, the same command makes one anew")
		}
		if b == nil {
			b = newBar(c.stderr, "backup", last.Of)
		}
		b.show(last.Bytes, mebibytes(last.Bytes))
	}
	b.end()
	if last.Error != "" {
		return last, errors.New(last.Error)
	}
	return last, nil
}

func printBackup(w io.Writer, r backupReport) {
	fmt.Fprintf(w, "%s: %d events accepted, %d files, %s, of which %s are new, in %v\n", r.Dir, r.Accepted, r.Files, mebibytes(r.Bytes), mebibytes(r.New), r.Took.Round(time.Millisecond))
	for _, name := range r.Removed {
		fmt.Fprintf(w, "removed the older backup %s\n", name)
	}
	if r.Elsewhere != "" {
		fmt.Fprintf(w, "NOT in it: control data and the ledger, which are in %s: back that up by its own means (pg_dump, say), at the same time or before\n", r.Elsewhere)
	}
	typed := r.Dir
	if strings.Contains(typed, "?") { // which a shell would look for files by
		typed = "'" + typed + "'"
	}
	fmt.Fprintf(w, "to be sure of it: footfall backup verify %s\n", typed)
}

func verifyBackup(ctx context.Context, c *call) error {
	set, err := c.openBackup(ctx)
	if err != nil {
		return err
	}
	b := newBar(c.stderr, "verify", set.Bytes())
	err = set.Verify(ctx, func(done int64) { b.show(done, mebibytes(done)) })
	if b.end(); err != nil {
		return err
	}
	return c.print(map[string]any{"dir": set.Dir, "head": set.Head, "files": len(set.Files), "bytes": set.Bytes()}, func(w io.Writer) {
		fmt.Fprintf(w, "%s of %s is what was written: %d files, %s\n", set.Dir, set.Head.Made.Format(time.RFC3339), len(set.Files), mebibytes(set.Bytes()))
	})
}

// openBackup opens the one that is named, or the newest of those that are kept there.
func (c *call) openBackup(ctx context.Context) (*backup.Set, error) {
	if len(c.args) != 1 {
		return nil, misused("name the directory that backups are kept in, s3://bucket/prefix, or one of the backups there")
	}
	from, err := named(c.args[0])
	if err != nil {
		return nil, err
	}
	k, err := keeperOf(from)
	if err != nil {
		return nil, err
	}
	in, one, err := k.backups(ctx, "")
	if err != nil {
		return nil, err
	}
	return backup.Open(ctx, in, one)
}

// unfinished is the file that is in a data directory as long as it is not whole.
const unfinished = "restore.unfinished"

// checkWhole refuses a directory that was restored in part.
func checkWhole(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, unfinished)); err == nil {
		return fmt.Errorf("restoring %s was cut short: empty it, and restore again", dir)
	}
	return nil
}

// restored is what a restore did.
type restored struct {
	From      string      `json:"from"`
	Made      time.Time   `json:"made"`
	Data      string      `json:"data"`
	Files     int         `json:"files"`
	Bytes     int64       `json:"bytes"`
	Elsewhere string      `json:"elsewhere,omitempty"`
	Recount   *reconciled `json:"reconcile,omitempty"`
	Doctor    []finding   `json:"doctor,omitempty"`
	Again     carried     `json:"again"` // what was taken out after the backup was made, and is again
}

func runRestore(ctx context.Context, c *call) error {
	set, err := c.openBackup(ctx)
	if err != nil {
		return err
	}
	lists, err := c.carry(set)
	if err != nil {
		return err
	}
	dir := c.values["data"]
	r := restored{From: set.Dir, Made: set.Head.Made, Data: dir, Files: len(set.Files), Bytes: set.Bytes(), Elsewhere: set.Head.Elsewhere}
	if err := c.restoreInto(ctx, set, dir, lists); err != nil {
		return err
	}
	// Another server may be at work on that database: it is not touched here.
	if r.Elsewhere == "" {
		err = c.tryRestored(ctx, set, &r, lists)
	}
	return errors.Join(c.print(r, func(w io.Writer) { printRestored(w, r) }), err)
}

// restoreInto puts all files of a backup into a directory, which must be empty,
// and checks each.
func (c *call) restoreInto(ctx context.Context, set *backup.Set, dir string, lists carriedLists) error {
	if err := emptyDir(dir); err != nil {
		return err
	}
	if free, err := backup.Free(dir); err == nil && free < set.Bytes()*2+spareRoom { // the event store comes on top
		return fmt.Errorf("%s has %s of room, and %s are needed: make room, or choose another with --data", dir, mebibytes(free), mebibytes(set.Bytes()*2+spareRoom))
	}
	elsewhere, err := c.emptyArchive(ctx)
	if err != nil {
		return err
	}
	mark := filepath.Join(dir, unfinished)
	if err := putFile(mark, nil); err != nil {
		return unusable(err, dir)
	}
	b, done := newBar(c.stderr, "restore", set.Bytes()), int64(0)
	defer b.end()
	for _, f := range set.Files {
		if err := elsewhere.restore(ctx, set, f, dir); err != nil {
			return fmt.Errorf("%w; nothing was restored: empty %s before you try again", err, elsewhere.and(dir))
		}
		done += f.Bytes
		b.show(done, mebibytes(done))
	}
	if err := errors.Join(lists.put(dir), elsewhere.note(ctx, dir), syncFolders(dir)); err != nil {
		return err
	}
	return os.Remove(mark)
}

// emptyDir makes a directory, or sees that nothing is in it.
func emptyDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return unusable(err, dir)
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.Name() != "lost+found" {
			return fmt.Errorf("%s is not empty: a backup is restored into a new directory only; name one with --data", dir)
		}
	}
	return unusable(err, dir)
}

// restoreFile puts one file in its place, and the queue's copy into the queue.
func restoreFile(ctx context.Context, set *backup.Set, f backup.File, dir string) error {
	path := filepath.Join(dir, filepath.FromSlash(f.Name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer to.Close()
	if err := set.Copy(ctx, f, to); err != nil {
		return err
	}
	if f.Name != queueFile {
		return to.Sync()
	}
	if _, err := to.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return errors.Join(nats.Restore(ctx, filepath.Join(dir, "queue"), to), os.Remove(path))
}

// tryRestored opens what was restored, which fills the event store, and recounts.
// No letter and no webhook is sent.
func (c *call) tryRestored(ctx context.Context, set *backup.Set, r *restored, lists carriedLists) error {
	fmt.Fprintln(c.stderr, "filling the event store from the archive, then recounting all figures")
	c.values["hot"] = "none" // another server may have the buckets in a Redis
	k, err := c.dial(ctx)
	if err != nil {
		return err
	}
	var s status
	r.Recount = &reconciled{}
	err = lists.again(ctx, k, &r.Again)
	if err == nil {
		err = k.ask(ctx, "POST", "/roll", nil, new(any))
	}
	if err == nil {
		err = k.ask(ctx, "POST", "/reconcile", nil, r.Recount)
	}
	if err == nil {
		err = k.ask(ctx, "GET", "/status", nil, &s)
	}
	if err == nil {
		r.Doctor = c.examine(ctx, k)
	}
	switch err = errors.Join(err, k.close()); {
	case err != nil:
		return fmt.Errorf("what was restored can't be used as it is: %w", err)
	case r.Recount.Count > 0:
		return errors.New("figures and events of what was restored don't agree; try: footfall rebuild --data " + r.Data)
	case s.Accepted != set.Head.Accepted || !s.AddsUp:
		return fmt.Errorf("the account of what was restored does not add up (%d accepted, %d in the backup); keep the backup, and try another one", s.Accepted, set.Head.Accepted)
	}
	return nil
}

func printRestored(w io.Writer, r restored) {
	fmt.Fprintf(w, "restored %s of %s: %d files, %s, each as it was written\n", r.From, r.Made.Format(time.RFC3339), r.Files, mebibytes(r.Bytes))
	if r.Recount != nil {
		printReconciled(w, *r.Recount)
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, f := range r.Doctor {
		if !f.OK {
			fmt.Fprintf(t, "LOOK\t%s\t%s\n", f.Check, f.Says)
		}
	}
	t.Flush()
	if r.Elsewhere != "" {
		fmt.Fprintf(w, "NOT restored, and nothing tried: control data and the ledger were in %s. Restore that database from its own backup, of the same time or before, into another place than where a server uses it; then, with --control:\n", r.Elsewhere)
		fmt.Fprintf(w, "  footfall reconcile --data %s && footfall doctor --data %[1]s\n", r.Data)
	}
	printCarried(w, r)
	fmt.Fprintf(w, "What happened after %s is not in it; letters and webhooks that were sent since may be sent again, with the same ids. Stop the server that this one takes the place of, then: footfall serve --data %s\n", r.Made.Format(time.RFC3339), r.Data)
}

// syncFolders puts the names of all that was restored on disk.
func syncFolders(root string) error {
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}
