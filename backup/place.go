package backup

import (
	"context"
	"io"
	"time"
)

// Place keeps backups: a Directory, or a Bucket.
type Place interface {
	// String names it, or one of its backups, as it is to be typed.
	String(backup string) string

	// names lists the backups that are complete, the oldest first.
	names(ctx context.Context) ([]string, error)
	// open opens a file, or the list, of a backup.
	open(ctx context.Context, backup, file string) (io.ReadCloser, error)
	// begin begins a backup. What others left that were not ended may go.
	begin(ctx context.Context, backup string) (desk, error)
	// remove removes complete backups, and nothing that others share with them.
	remove(ctx context.Context, backups []string) error
}

// desk is where a backup is made.
type desk interface {
	// put adds a file out of what write writes, whole or not at all.
	put(ctx context.Context, file string, write func(io.Writer) error) error
	// put a file that make makes at a path of this machine, and to has its content, too.
	made(ctx context.Context, file string, make func(path string) error, to io.Writer) error
	// share takes a file over that an older backup has, if it is there; it gives the
	// backup that has its bytes, "" for this one.
	share(ctx context.Context, f File, older string) (in string, ok bool)
	// end makes the backup complete by its list.
	end(ctx context.Context, list func(io.Writer) error) error
	// close lets others in, and removes what was not ended.
	close() error
}

const nameForm = "2006-01-02T150405.000Z"

// Named reports whether a word is the name of a backup: the moment it began.
func Named(word string) bool {
	_, err := time.Parse(nameForm, word)
	return err == nil
}
