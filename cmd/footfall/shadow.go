package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"footfall/reprocess"
)

// shadow is the directory of what a reprocessing found, before it is put in the
// place of what was. docs/format/reprocess.md describes its files.
type shadow string

func (h *house) shadow() shadow { return shadow(filepath.Join(h.c.values["data"], "reprocess")) }

// States of a reprocessing.
const (
	looking  = "looking"  // going through the archive; can go on where it was cut short
	looked   = "looked"   // whole
	swapping = "swapping" // being put in place, which is ended whatever happens
)

const shadowVersion = 1

// shadowPlan says what a shadow is of.
type shadowPlan struct {
	Version int          `json:"version"`
	ID      string       `json:"id"`
	State   string       `json:"state"`
	Sites   []shadowSite `json:"sites"`
	Rules   string       `json:"rules"` // of the program that found it
}

// shadowSite is the part of a site's events that is looked through.
type shadowSite struct {
	Site   string    `json:"site"`
	Zone   string    `json:"zone"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Frozen string    `json:"frozen,omitempty"` // date: earlier ones were asked for, but their events are removed
}

func (s shadow) planFile() string { return filepath.Join(string(s), "plan.json") }

// plan reads what there is a shadow of; nil if there is none.
func (s shadow) plan() (*shadowPlan, error) {
	text, err := os.ReadFile(s.planFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var p shadowPlan
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err == nil && p.Version != shadowVersion {
		err = fmt.Errorf("its version is %d, this program knows %d: use a newer footfall", p.Version, shadowVersion)
	}
	if err != nil {
		return nil, s.unreadable(s.planFile(), err)
	}
	return &p, nil
}

// unreadable is the error of a file of the shadow that is damaged or missing, and what
// to do then: all that is in the shadow can be found again.
func (s shadow) unreadable(file string, err error) error {
	return fmt.Errorf("%s can't be read: %w; if it is damaged, remove %s and type footfall reprocess and footfall rebuild", file, err, string(s))
}

// keep writes the plan; it is on disk when it returns nil.
func (s shadow) keep(p *shadowPlan) error {
	text, err := json.Marshal(p)
	if err == nil {
		err = os.MkdirAll(string(s), 0o700)
	}
	if err == nil {
		err = putFile(s.planFile(), append(text, '\n'))
	}
	return err
}

// drop removes the shadow: the plan first, without which the rest is nothing.
func (s shadow) drop() error {
	if err := os.Remove(s.planFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(string(s))
}

func (s shadow) siteDir(site string) string {
	return filepath.Join(string(s), "site="+url.QueryEscape(site))
}

const (
	dateSuffix    = ".json"
	changesSuffix = ".changes.gz"
)

// dates lists the dates of a site that were looked through, by time.
func (s shadow) dates(site string) (all []reprocess.Date, err error) {
	names, err := filepath.Glob(filepath.Join(s.siteDir(site), "*"+dateSuffix))
	for _, name := range names {
		text, err := os.ReadFile(name)
		var d reprocess.Date
		if err == nil {
			err = json.Unmarshal(text, &d)
		}
		if err != nil {
			return nil, s.unreadable(name, err)
		}
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b reprocess.Date) int { return a.From.Compare(b.From) })
	return all, err
}

// changes hands over the changes of a date.
func (s shadow) changes(site, date string, fn func(*reprocess.Change) error) error {
	name := filepath.Join(s.siteDir(site), date+changesSuffix)
	f, err := os.Open(name)
	if err != nil {
		return s.unreadable(name, err)
	}
	defer f.Close()
	z, err := gzip.NewReader(bufio.NewReaderSize(f, 1<<16))
	if err != nil {
		return s.unreadable(name, err)
	}
	lines := json.NewDecoder(z)
	for {
		var c reprocess.Change
		switch err := lines.Decode(&c); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return s.unreadable(name, err)
		}
		if err := fn(&c); err != nil {
			return err
		}
	}
}

// shadowWriter writes what is found of a site.
type shadowWriter struct {
	dir  string
	file *os.File // of the date's changes; nil while there are none
	z    *gzip.Writer
	line *json.Encoder
}

func (s shadow) write(site string) (*shadowWriter, error) {
	w := &shadowWriter{dir: s.siteDir(site)}
	return w, os.MkdirAll(w.dir, 0o700)
}

func (w *shadowWriter) change(c reprocess.Change) (err error) {
	if w.file == nil {
		if w.file, err = os.Create(filepath.Join(w.dir, "changes.part")); err != nil {
			return err
		}
		w.z, _ = gzip.NewWriterLevel(w.file, gzip.BestSpeed) // the level is one
		w.line = json.NewEncoder(w.z)
	}
	return w.line.Encode(c)
}

// done ends a date: its changes first, then what says that they are whole.
func (w *shadowWriter) done(d reprocess.Date) error {
	if w.file != nil {
		err := errors.Join(w.z.Close(), w.file.Sync(), w.file.Close())
		part := w.file.Name()
		w.file = nil
		if err == nil {
			err = os.Rename(part, filepath.Join(w.dir, d.Date+changesSuffix))
		}
		if err != nil {
			return err
		}
	}
	text, err := json.Marshal(d)
	if err == nil {
		err = putFile(filepath.Join(w.dir, d.Date+dateSuffix), append(text, '\n'))
	}
	return err
}

// close gives up the date that was not done.
func (w *shadowWriter) close() error {
	if w.file == nil {
		return nil
	}
	return w.file.Close()
}

// programRules names what decides how events are derived again: the version of the
// program, and its lists.
func programRules(lists string) string { return strings.TrimSpace(version + " " + lists) }
