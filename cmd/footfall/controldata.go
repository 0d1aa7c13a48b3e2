package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	accountpostgres "footfall/account/postgres"
	"footfall/account/rows"
	accountsqlite "footfall/account/sqlite"
	"footfall/engine/postgres"
	"footfall/ledger"
	ledgerpostgres "footfall/ledger/postgres"
	ledgersqlite "footfall/ledger/sqlite"
)

// inDirectory is the setting "control" of who keeps control data and the ledger in
// files of the data directory.
const inDirectory = "sqlite"

// checkControl refuses a setting that is neither that nor a URL, and says nothing
// of it: it may hold a password.
func checkControl(setting string) error {
	if setting == inDirectory {
		return nil
	}
	if !postgres.Is(setting) {
		return errors.New("use sqlite, or postgres://user:password@host:5432/database")
	}
	_, err := postgres.Where(setting)
	return err
}

// outside is the file that says where control data is kept if it is not in the
// data directory, so that who forgets to say so does not begin anew.
const outside = "control.elsewhere"

// settleControl says where control data is to be looked for outside the data
// directory, and refuses to look in it if it is known to be elsewhere. The note of
// where is made once it is opened, by noteControl; "" is nothing new to note.
func (h *house) settleControl(dir string) (where string, err error) {
	path, setting := filepath.Join(dir, outside), h.c.values["control"]
	noted, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", unusable(err, dir)
	}
	was := strings.TrimSpace(string(noted))
	if setting == inDirectory {
		if was == "" {
			return "", nil
		}
		return "", fmt.Errorf("control data and ledger of %s are not in it, but in %s: give the URL as --control, FOOTFALL_CONTROL or the key control; if they shall be in the directory from now on, remove %s", dir, was, path)
	}
	where, err = postgres.Where(setting)
	if err != nil || where == was {
		return "", err
	}
	if was != "" {
		h.log.Warn("control data is looked for at another place than before", "before", was, "now", where)
	} else if _, err := os.Stat(filepath.Join(dir, ledgersqlite.File)); err == nil {
		h.log.Warn("what the data directory has of control data and the ledger is not used: they are looked for elsewhere now", "where", where)
	}
	return where, nil
}

// noteControl notes where control data and the ledger are, both of which were
// opened there: a URL that leads nowhere, or to another's, is not noted.
func noteControl(dir, where string) error {
	if where == "" {
		return nil
	}
	if err := putFile(filepath.Join(dir, outside), []byte(where+"\n")); err != nil {
		return fmt.Errorf("noting where control data is: %w", err)
	}
	return nil
}

// owner tells this data directory's tables from another's: their position is in
// its queue, and customers are hashed with its secret.
func (h *house) owner() string {
	mac := hmac.New(sha256.New, h.secret)
	mac.Write([]byte("owner of tables"))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// openTables opens control data and the ledger where the setting says that they
// are, with who was erased, and notes where that is.
func (h *house) openTables(ctx context.Context, dir string) error {
	where, err := h.settleControl(dir)
	if err != nil {
		return err
	}
	if h.control, err = h.openAccounts(ctx, dir); err != nil {
		return err
	}
	if h.sites, err = newSiteBook(ctx, h.control); err != nil {
		return err
	}
	if err := errors.Join(h.openErasures(), h.openDeletions(), h.openCopies()); err != nil {
		return err
	}
	if err := h.openLedger(ctx, dir); err != nil {
		return err
	}
	return noteControl(dir, where)
}

// openAccounts chooses where control data is by the setting's scheme.
func (h *house) openAccounts(ctx context.Context, dir string) (*rows.Store, error) {
	if at := h.c.values["control"]; at != inDirectory {
		return accountpostgres.Open(ctx, at)
	}
	return accountsqlite.Open(filepath.Join(dir, "control.sqlite"))
}

// openBook chooses where the ledger is by the setting's scheme.
func (h *house) openBook(ctx context.Context, dir string) (ledger.Book, error) {
	if at := h.c.values["control"]; at != inDirectory {
		return ledgerpostgres.Open(ctx, at, ledgerpostgres.Options{Owner: h.owner()})
	}
	return ledgersqlite.Open(ledgersqlite.Options{Dir: dir})
}

// answered says where control data and the ledger are, and how long that took to
// answer.
type answered struct {
	Where string        `json:"where"`
	Took  time.Duration `json:"took_ns"`
}

// slow is how long the ledger may take to answer.
const slow = 100 * time.Millisecond

// where asks the ledger something small.
func (k *control) where(w http.ResponseWriter, r *http.Request) error {
	a := answered{Where: k.h.c.values["data"]}
	if at := k.h.c.values["control"]; at != inDirectory {
		a.Where, _ = postgres.Where(at) // checked at load
	}
	ctx, end := context.WithTimeout(r.Context(), 10*time.Second)
	defer end()
	began := time.Now()
	if err := k.h.ledger.View(ctx, func(tx ledger.Tx) error { _, err := tx.Traffic().Reading().Position(); return err }); err != nil {
		return err
	}
	a.Took = time.Since(began)
	return answer(w, a)
}

// where is the doctor's line of control data.
func (k *client) where(ctx context.Context) finding {
	var a answered
	if err := k.ask(ctx, "GET", "/where", nil, &a); err != nil {
		return finding{"control data", false, err.Error()}
	}
	return finding{"control data", a.Took < slow, fmt.Sprintf("in %s, answers in %v; above %v pages are slow: bring the two closer together", a.Where, a.Took.Round(10*time.Microsecond), slow)}
}
