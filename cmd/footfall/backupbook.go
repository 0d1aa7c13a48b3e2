package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"footfall/dash"
)

// backupsName is the file of the backups that were made, for the page about the
// server: docs/format/backup.md.
const backupsName = "backups.json"

// lastBackups is how many are remembered.
const lastBackups = 10

// madeBackup is one that was made, or tried.
type madeBackup struct {
	Dir      string    `json:"dir"`
	Made     time.Time `json:"made"`
	Bytes    int64     `json:"bytes,omitempty"`
	Accepted uint64    `json:"accepted,omitempty"`
	Error    string    `json:"error,omitempty"` // why it was not completed
}

// backupBook remembers backups.
type backupBook struct {
	path string
	mu   sync.Mutex
}

// read is what is remembered, the newest last; of a file that can't be read nothing is.
func (b *backupBook) read() (all []madeBackup) {
	text, err := os.ReadFile(b.path)
	if err == nil {
		_ = json.Unmarshal(text, &all)
	}
	return all
}

// add remembers one; it is on disk when it returns nil.
func (b *backupBook) add(m madeBackup) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := append(b.read(), m)
	text, err := json.MarshalIndent(all[max(0, len(all)-lastBackups):], "", " ")
	if err != nil {
		return err
	}
	return putFile(b.path, text)
}

// list is the page's list, the newest first.
func (b *backupBook) list() (all []dash.Backup) {
	made := b.read()
	for i := len(made) - 1; i >= 0; i-- {
		m := made[i]
		one := dash.Backup{Dir: m.Dir, Made: m.Made, Bytes: m.Bytes, Events: m.Accepted, Problem: m.Error}
		if m.Error == "" && filepath.IsAbs(m.Dir) { // what is in a bucket is not looked for
			_, err := os.Stat(m.Dir)
			one.Missing = errors.Is(err, fs.ErrNotExist)
		}
		all = append(all, one)
	}
	return all
}
