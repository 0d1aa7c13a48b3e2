package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"footfall/archive"
	"footfall/backup"
)

const (
	// archiveNote is the file that says where the archive is if it is not in the data
	// directory, so that who forgets to say so does not begin anew.
	archiveNote = "archive.elsewhere"
	// ownerName is the object that says whose archive it is, where it is elsewhere: two
	// that write one archive would take it apart.
	ownerName = "_owner"
)

// archiveKeeper is where the setting has the archive, and how that is noted: "" in the
// data directory.
func (c *config) archiveKeeper() (k keeper, where string, err error) {
	inside, err := filepath.Abs(filepath.Join(c.values["data"], "archive"))
	if err != nil || c.values["archive"] == "" {
		return keeper{dir: inside}, "", err
	}
	if k, err = keeperOf(c.values["archive"]); err != nil || k.dir == inside {
		return k, "", err
	}
	return k, k.place(), nil
}

// place is the URL without what may change while the place stays the same.
func (k keeper) place() string {
	k.bucket.Region, k.bucket.HostStyle = "", false
	return k.String()
}

// notedArchive is where the archive of a data directory is: "" in it.
func notedArchive(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, archiveNote))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", unusable(err, dir)
	}
	return strings.TrimSpace(string(text)), nil
}

// noteArchive notes where the archive is from now on.
func noteArchive(dir, where string) (err error) {
	path := filepath.Join(dir, archiveNote)
	if where != "" {
		err = putFile(path, []byte(where+"\n"))
	} else if err = os.Remove(path); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("noting where the archive is: %w", err)
	}
	return nil
}

// openObjects opens what keeps the archive's objects. A setting that leads elsewhere
// than where the archive is, or to another's, is refused.
func (h *house) openObjects(ctx context.Context, dir string) (archive.Objects, error) {
	k, where, err := h.c.archiveKeeper()
	if err != nil {
		return nil, err
	}
	noted, err := notedArchive(dir)
	if err != nil {
		return nil, err
	}
	if where != noted {
		if err := h.mayBegin(ctx, dir, where, noted); err != nil {
			return nil, err
		}
	}
	if where != "" { // it is another's to answer
		brief, cancel := context.WithTimeout(ctx, archiveWait)
		defer cancel()
		ctx = brief
	}
	objects, err := k.open(ctx)
	if err != nil || where == "" {
		return objects, err
	}
	if err := claim(ctx, objects, where, owner(h.secret), where == noted); err != nil {
		return nil, err
	}
	if where != noted {
		err = noteArchive(dir, where)
	}
	return objects, err
}

// mayBegin refuses to begin an archive at another place than where one is.
func (h *house) mayBegin(ctx context.Context, dir, where, noted string) error {
	if noted != "" {
		return fmt.Errorf("the archive of %s is at %s: give that as --archive, FOOTFALL_ARCHIVE or the key archive; to have it elsewhere, with no server running: footfall archive move --to …; if it is the same place under a new address, remove %s",
			dir, noted, filepath.Join(dir, archiveNote))
	}
	inside := keeper{dir: filepath.Join(dir, "archive")}
	if _, err := os.Stat(inside.dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	objects, err := inside.open(ctx)
	if err != nil {
		return err
	}
	if there, err := hasArchive(ctx, objects); err != nil || !there {
		return err
	}
	return fmt.Errorf("the archive of %s is in it: leave the setting archive away; to have it at %s, with no server running: footfall archive move --to '%[2]s'", dir, where)
}

// hasArchive reports whether an archive is there, or something of one.
func hasArchive(ctx context.Context, objects archive.Objects) (bool, error) {
	for _, prefix := range []string{"_manifest/", "site="} {
		if names, err := objects.List(ctx, prefix); err != nil || len(names) > 0 {
			return true, err
		}
	}
	return false, nil
}

// owner tells this data directory's archive from another's.
func owner(secret []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("owner of the archive"))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// claim sees that the archive at a place is the owner's, or makes it that where there is
// none; known is one that was there before.
func claim(ctx context.Context, objects archive.Objects, where, owner string, known bool) error {
	is, err := readObject(ctx, objects, ownerName)
	switch {
	case err == nil && is == owner:
		return nil
	case err == nil:
		return fmt.Errorf("the archive at %s is of another data directory: give each a prefix of its own", where)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	case known:
		return fmt.Errorf("the archive is not at %s any more, where it was: bring it back, or mend the setting archive", where)
	}
	if there, err := hasArchive(ctx, objects); err != nil {
		return err
	} else if there {
		return fmt.Errorf("there is something at %s that is no archive of this data directory: give it a prefix of its own", where)
	}
	return putObject(ctx, objects, ownerName, owner)
}

func readObject(ctx context.Context, objects archive.Objects, name string) (string, error) {
	r, err := objects.Open(ctx, name)
	if err != nil {
		return "", err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	return strings.TrimSpace(string(text)), err
}

func putObject(ctx context.Context, objects archive.Objects, name, text string) error {
	return objects.Put(ctx, name, func(w io.Writer) error { _, err := io.WriteString(w, text+"\n"); return err })
}

// restoring is an empty place for the archive of a backup that is not in the data
// directory; nil if it is.
type restoring struct {
	objects archive.Objects
	where   string
}

// emptyArchive opens where the setting has the archive, if that is elsewhere.
func (c *call) emptyArchive(ctx context.Context) (*restoring, error) {
	k, where, err := c.archiveKeeper()
	if err != nil || where == "" {
		return nil, err
	}
	objects, err := k.open(ctx)
	if err != nil {
		return nil, err
	}
	there, err := hasArchive(ctx, objects)
	if err == nil && !there {
		if _, err = readObject(ctx, objects, ownerName); errors.Is(err, fs.ErrNotExist) {
			return &restoring{objects, where}, nil
		}
		there = true
	}
	if err == nil {
		err = fmt.Errorf("there is an archive at %s: a backup is restored to an empty place only; name another with --archive, or none to have it in the data directory", where)
	}
	return nil, err
}

// restore puts one file of a backup in its place.
func (r *restoring) restore(ctx context.Context, set *backup.Set, f backup.File, dir string) error {
	name, archived := strings.CutPrefix(f.Name, "archive/")
	if r == nil || !archived {
		return restoreFile(ctx, set, f, dir)
	}
	return r.objects.Put(ctx, name, func(w io.Writer) error { return set.Copy(ctx, f, w) })
}

// note makes the archive that of the directory.
func (r *restoring) note(ctx context.Context, dir string) error {
	if r == nil {
		return nil
	}
	secret, err := readSecret(filepath.Join(dir, "secret"))
	if err == nil {
		err = putObject(ctx, r.objects, ownerName, owner(secret))
	}
	if err != nil {
		return err
	}
	return noteArchive(dir, r.where)
}

// and names the directory, and the place.
func (r *restoring) and(dir string) string {
	if r == nil {
		return dir
	}
	return dir + " and " + r.where
}

// keeping says where the archive is, and how it does.
type keeping struct {
	Where    string        `json:"where"`
	Took     time.Duration `json:"took_ns"`
	Versions bool          `json:"versions"` // it keeps what is removed
}

// archivePlace puts, lists and removes something small beside the archive.
func (k *control) archivePlace(w http.ResponseWriter, r *http.Request) error {
	at, _, err := k.h.c.archiveKeeper()
	if err != nil {
		return err
	}
	ctx, end := context.WithTimeout(r.Context(), 30*time.Second)
	defer end()
	found, began := keeping{Where: at.String()}, time.Now()
	if err := probe(ctx, k.h.objects); err != nil {
		return err
	}
	found.Took = time.Since(began)
	if v, ok := k.h.objects.(interface{ KeepsVersions(context.Context) bool }); ok {
		found.Versions = v.KeepsVersions(ctx)
	}
	return answer(w, found)
}

// archivePlace is the doctor's line of where the archive is.
func (k *client) archivePlace(ctx context.Context) finding {
	var a keeping
	if err := k.ask(ctx, "GET", "/archive", nil, &a); err != nil {
		return finding{"archive", false, err.Error() + "; while it is away, events are taken and stored, and wait in the queue for it; what reads it fails"}
	}
	says := fmt.Sprintf("at %s, written to, listed and removed from in %v", a.Where, a.Took.Round(time.Millisecond))
	if a.Versions {
		says += "; the bucket keeps versions of what is removed, so who is erased stays in it: turn that off, or add a lifecycle rule that expires them"
	}
	return finding{"archive", !a.Versions, says}
}
