package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"footfall/account"
	"footfall/account/accounttest"
	"footfall/account/rows"
	engine "footfall/engine/sqlite"
	"footfall/event"
)

func open(t *testing.T, path string) *rows.Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestKeepsTheLaw(t *testing.T) {
	accounttest.Run(t, func(t *testing.T) accounttest.Store {
		s := open(t, filepath.Join(t.TempDir(), "control.sqlite"))
		t.Cleanup(func() { s.Close() })
		return s
	})
}

// inFiles names the files in dir that hold b.
func inFiles(t *testing.T, dir string, b []byte) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, b) {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestDestroyedSaltIsInNoFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s := open(t, filepath.Join(dir, "control.sqlite"))
		defer func() { s.Close() }()
		today := event.DayOf(time.Now())
		salt, err := s.Salt(today)
		if err != nil {
			t.Fatal(err)
		}
		if len(inFiles(t, dir, salt)) == 0 {
			t.Fatal("the salt is in no file while it is needed: a restart would lose it")
		}
		s.Close()
		s = open(t, filepath.Join(dir, "control.sqlite"))
		if again, err := s.Salt(today); err != nil || !bytes.Equal(salt, again) {
			t.Fatalf("a restart changed the salt: %v", err)
		}
		time.Sleep(24 * time.Hour)
		if len(inFiles(t, dir, salt)) == 0 {
			t.Fatal("yesterday's salt is gone")
		}
		time.Sleep(24*time.Hour + time.Minute) // nobody asks for a salt: it goes on its own
		synctest.Wait()
		if names := inFiles(t, dir, salt); len(names) > 0 {
			t.Errorf("the destroyed salt is still in %v", names)
		}
	})
}

func TestSecretsAreKeptAsHashes(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "control.sqlite"))
	defer s.Close()
	ctx := t.Context()
	site, err := s.AddSite(ctx, account.Site{Domain: "a.com"})
	if err != nil {
		t.Fatal(err)
	}
	key, _, err1 := s.AddKey(ctx, account.Key{Scopes: []account.Scope{account.Read}})
	share, _, err2 := s.AddShare(ctx, account.Share{Site: site.ID})
	link, err3 := s.AddLink(ctx, account.ForLogin, "", time.Hour)
	session, err4 := s.AddSession(ctx, "")
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{key, share, link, session} {
		if names := inFiles(t, dir, []byte(secret[4:20])); len(names) > 0 {
			t.Errorf("half of a %s token stands in %v", secret[:4], names)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "control.sqlite"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
}

func TestTwoProcesses(t *testing.T) {
	accounttest.Two(t, func(t *testing.T) (accounttest.Store, accounttest.Store) {
		path := filepath.Join(t.TempDir(), "control.sqlite")
		a, b := open(t, path), open(t, path)
		t.Cleanup(func() { a.Close(); b.Close() })
		return a, b
	})
}

func TestMigrationBacksUpWithoutSalts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sqlite")
	s := open(t, path)
	if _, err := s.AddSite(t.Context(), account.Site{Domain: "example.com"}); err != nil {
		t.Fatal(err)
	}
	salt, err := s.Salt(event.DayOf(time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	more := kind
	more.Steps = append(slices.Clone(kind.Steps), "ALTER TABLE sites ADD COLUMN colour TEXT")
	f, err := engine.Open(path, more)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	bak, err := os.ReadFile(fmt.Sprintf("%s.v%d.bak", path, len(kind.Steps)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(bak, []byte("example.com")) || bytes.Contains(bak, salt) {
		t.Error("the backup misses the site or holds the salt")
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "newer footfall") {
		t.Errorf("a newer schema opened: %v", err)
	}
}

// released makes a file as a released version wrote it.
func released(t *testing.T, script, path string) {
	t.Helper()
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(string(text)); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRolesOfKeysBecomeScopes: keys, links and sessions of the version before
// people may do what they could, and no more.
func TestRolesOfKeysBecomeScopes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sqlite")
	released(t, "testdata/v2.sql", path)
	s := open(t, path)
	defer s.Close()
	for token, want := range map[string]account.Key{
		"ffk_owner":  {Site: "shop-example", Scopes: []account.Scope{account.Define, account.Read}},
		"ffk_viewer": {Scopes: []account.Scope{account.Read}},
		"ffk_pages":  {Site: "shop-example", Scopes: []account.Scope{account.InPages}},
	} {
		k, err := s.Key(t.Context(), token)
		if err != nil || k.Site != want.Site || !slices.Equal(k.Scopes, want.Scopes) || !k.Expires.IsZero() || k.Created.Year() != 2023 {
			t.Errorf("%s is %+v, %v; want %+v", token, k, err, want)
		}
	}
	if n, err := s.Session(t.Context(), "ffs_old"); err != nil || n.Person != "" || n.ID == "" || !n.Created.Equal(time.UnixMilli(4102444800000).Add(-account.SessionLife)) {
		t.Errorf("the session is %+v, %v; want one of the operator", n, err)
	}
	if l, err := s.UseLink(t.Context(), "ffl_old"); err != nil || l.Purpose != account.ForLogin || l.Person != "" {
		t.Errorf("the link is %+v, %v; want one of the operator", l, err)
	}
	if all, err := s.Segments(t.Context(), "shop-example"); err != nil || len(all) != 1 {
		t.Errorf("segments %v, %v", all, err)
	}
	if bak, err := os.ReadFile(path + ".v2.bak"); err != nil || !bytes.Contains(bak, []byte("shop.example")) || bytes.Contains(bak, []byte("audit")) {
		t.Errorf("the backup is not the file of before: %v", err)
	}
}

// TestReportsCome: a file from before reports has none, keeps what it has, and takes them.
func TestReportsCome(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sqlite")
	released(t, "testdata/v3.sql", path)
	s := open(t, path)
	defer s.Close()
	ctx := t.Context()
	subscriptions, err1 := s.Subscriptions(ctx)
	alerts, err2 := s.Alerts(ctx)
	grants, err3 := s.Grants(ctx, "per_old")
	segments, err4 := s.Segments(ctx, "shop-example")
	if err := errors.Join(err1, err2, err3, err4); err != nil || len(subscriptions)+len(alerts) > 0 || len(grants) != 1 || len(segments) != 1 {
		t.Errorf("%v %v %v %v: %v", subscriptions, alerts, grants, segments, err)
	}
	if _, err := s.AddSubscription(ctx, account.Subscription{Site: "shop-example", Person: "per_old", Rhythm: account.Weekly}); err != nil {
		t.Error(err)
	}
	if bak, err := os.ReadFile(path + ".v3.bak"); err != nil || !bytes.Contains(bak, []byte("ann@shop.example")) || bytes.Contains(bak, []byte("subscriptions")) {
		t.Errorf("the backup is not the file of before: %v", err)
	}
}

// TestAuditLogIsOnlyAddedTo: also for who has the file open.
func TestAuditLogIsOnlyAddedTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sqlite")
	s := open(t, path)
	defer s.Close()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := s.Record(t.Context(), account.Change{Who: "operator", What: "user add"}); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"DELETE FROM audit", "UPDATE audit SET who = 'nobody'", "REPLACE INTO audit SELECT id, at, 'nobody', what, target, old, new FROM audit"} {
		if _, err := db.Exec(statement); err == nil {
			t.Errorf("%s: no error", statement)
		}
	}
	if all, err := s.Changes(t.Context(), account.ChangeFilter{}); err != nil || len(all) != 1 || all[0].Who != "operator" {
		t.Errorf("Changes = %+v, %v", all, err)
	}
}

// TestReleasedFileMigrates opens a file as released versions wrote it.
func TestReleasedFileMigrates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sqlite")
	released(t, "testdata/v1.sql", path)
	s := open(t, path)
	defer s.Close()
	all, err := s.Sites(t.Context())
	want := account.Site{ID: "shop-example", Domain: "shop.example", WriteKey: "ffw_old", Zone: "Europe/Berlin", Currency: "EUR",
		Origins: []string{"www.shop.example"}, Internal: []string{}, DNT: true, Created: time.UnixMilli(1700000000123).UTC(), Public: []account.Part{}}
	if err != nil || len(all) != 1 || !reflect.DeepEqual(all[0], want) {
		t.Errorf("Sites = %+v, %v; want %+v", all, err, want)
	}
	if k, err := s.Key(t.Context(), "ffk_old"); err != nil || k.Site != "shop-example" || !slices.Equal(k.Scopes, []account.Scope{account.Read}) {
		t.Errorf("Key = %+v, %v", k, err)
	}
	want.History, want.Keep, want.Webhook, want.WebhookSecret = 24, 400, "https://shop.example/hook", "ffh_x"
	if got, err := s.UpdateSite(t.Context(), want); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("UpdateSite = %+v, %v; want %+v", got, err, want)
	}
	bak, err := os.ReadFile(path + ".v1.bak")
	if err != nil || !bytes.Contains(bak, []byte("shop.example")) || bytes.Contains(bak, []byte("webhook")) {
		t.Errorf("the backup is not the file of before: %v", err)
	}
}

// TestFileBeforeGoalsMigrates: of version 3 everything stays, and goals can be kept.
func TestFileBeforeGoalsMigrates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sqlite")
	released(t, "testdata/v3.sql", path)
	s := open(t, path)
	defer s.Close()
	if all, err := s.People(t.Context()); err != nil || len(all) != 1 || all[0].Email != "ann@shop.example" {
		t.Errorf("people %+v, %v", all, err)
	}
	if all, err := s.Segments(t.Context(), "shop-example"); err != nil || len(all) != 1 {
		t.Errorf("segments %+v, %v", all, err)
	}
	if all, err := s.Goals(t.Context(), "shop-example"); err != nil || len(all) != 0 {
		t.Errorf("goals %+v, %v", all, err)
	}
	if _, err := s.PutGoal(t.Context(), account.Definition{Site: "shop-example", Name: "Sign up", Definition: "{}"}); err != nil {
		t.Error(err)
	}
	if bak, err := os.ReadFile(path + ".v3.bak"); err != nil || !bytes.Contains(bak, []byte("ann@shop.example")) || bytes.Contains(bak, []byte("CREATE TABLE goals")) {
		t.Errorf("the backup is not the file of before: %v", err)
	}
}

// TestFileBeforeFunnelsMigrates: of version 5 everything stays, and funnels can be kept.
func TestFileBeforeFunnelsMigrates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sqlite")
	released(t, "testdata/v5.sql", path)
	s := open(t, path)
	defer s.Close()
	if all, err := s.Goals(t.Context(), "shop-example"); err != nil || len(all) != 1 || all[0].Name != "Sign up" {
		t.Errorf("goals %+v, %v", all, err)
	}
	if all, err := s.Funnels(t.Context(), "shop-example"); err != nil || len(all) != 0 {
		t.Errorf("funnels %+v, %v", all, err)
	}
	if _, err := s.PutFunnel(t.Context(), account.Definition{Site: "shop-example", Name: "Order", Definition: "{}"}); err != nil {
		t.Error(err)
	}
	if bak, err := os.ReadFile(path + ".v5.bak"); err != nil || !bytes.Contains(bak, []byte("ann@shop.example")) || bytes.Contains(bak, []byte("CREATE TABLE funnels")) {
		t.Errorf("the backup is not the file of before: %v", err)
	}
}

// TestFileBeforeNotesMigrates: of version 6 everything stays, and notes can be kept.
func TestFileBeforeNotesMigrates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sqlite")
	released(t, "testdata/v6.sql", path)
	s := open(t, path)
	defer s.Close()
	if all, err := s.Funnels(t.Context(), "shop-example"); err != nil || len(all) != 1 || all[0].Name != "Order" {
		t.Errorf("funnels %+v, %v", all, err)
	}
	if _, err := s.AddNote(t.Context(), account.Note{Site: "shop-example", When: "2024-05-01", Text: "Launch"}); err != nil {
		t.Error(err)
	}
	if all, err := s.Notes(t.Context(), "shop-example"); err != nil || len(all) != 1 || all[0].Text != "Launch" {
		t.Errorf("notes %+v, %v", all, err)
	}
	if bak, err := os.ReadFile(path + ".v6.bak"); err != nil || !bytes.Contains(bak, []byte("ann@shop.example")) || bytes.Contains(bak, []byte("CREATE TABLE notes")) {
		t.Errorf("the backup is not the file of before: %v", err)
	}
}

// TestFileBeforePublicSitesMigrates: of version 7 everything stays, and no site is public.
func TestFileBeforePublicSitesMigrates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sqlite")
	released(t, "testdata/v7.sql", path)
	s := open(t, path)
	defer s.Close()
	if all, err := s.Notes(t.Context(), "shop-example"); err != nil || len(all) != 1 || all[0].Text != "Launch" {
		t.Errorf("notes %+v, %v", all, err)
	}
	sites, err := s.Sites(t.Context())
	if err != nil || len(sites) != 1 || len(sites[0].Public) != 0 {
		t.Fatalf("sites %+v, %v", sites, err)
	}
	sites[0].Public = []account.Part{account.TheBoard}
	if site, err := s.UpdateSite(t.Context(), sites[0]); err != nil || !site.Shows(account.TheBoard) || site.Shows(account.Money) {
		t.Errorf("%+v, %v", site, err)
	}
	if bak, err := os.ReadFile(path + ".v7.bak"); err != nil || !bytes.Contains(bak, []byte("Launch")) {
		t.Errorf("the backup is not the file of before: %v", err)
	}
}

// TestFileBeforeLanguagesMigrates: of version 8 everything stays, and nobody has a language.
func TestFileBeforeLanguagesMigrates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sqlite")
	released(t, "testdata/v8.sql", path)
	s := open(t, path)
	defer s.Close()
	p, err := s.Person(t.Context(), "ann@shop.example")
	if err != nil || p.Name != "Ann" || p.Language != "" {
		t.Fatalf("person %+v, %v", p, err)
	}
	if err := s.SetPerson(t.Context(), p.ID, p.Name, "de"); err != nil {
		t.Fatal(err)
	}
	if p, err = s.Person(t.Context(), p.ID); err != nil || p.Language != "de" {
		t.Errorf("person %+v, %v", p, err)
	}
	if bak, err := os.ReadFile(path + ".v8.bak"); err != nil || !bytes.Contains(bak, []byte("Launch")) {
		t.Errorf("the backup is not the file of before: %v", err)
	}
}

// TestFileBeforeFiltersMigrates: of version 9 everything stays, and filters can be kept.
func TestFileBeforeFiltersMigrates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sqlite")
	released(t, "testdata/v9.sql", path)
	s := open(t, path)
	defer s.Close()
	if all, err := s.Notes(t.Context(), "shop-example"); err != nil || len(all) != 1 || all[0].Text != "Launch" {
		t.Errorf("notes %+v, %v", all, err)
	}
	if _, err := s.PutFilters(t.Context(), account.SavedFilters{Site: "shop-example", Name: "Phones", Query: "device=phone"}); err != nil {
		t.Error(err)
	}
	if all, err := s.Filters(t.Context(), "shop-example", ""); err != nil || len(all) != 1 || all[0].Query != "device=phone" {
		t.Errorf("filters %+v, %v", all, err)
	}
	if bak, err := os.ReadFile(path + ".v9.bak"); err != nil || !bytes.Contains(bak, []byte("Launch")) || bytes.Contains(bak, []byte("CREATE TABLE filters")) {
		t.Errorf("the backup is not the file of before: %v", err)
	}
}

func TestOpenRefusesWhatIsNoDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sqlite")
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), kind.Repair) {
		t.Errorf("Open = %v, want an error that names the file and what to do", err)
	}
}

func BenchmarkSalt(b *testing.B) {
	s, err := Open(filepath.Join(b.TempDir(), "control.sqlite"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for b.Loop() {
		if _, err := s.Salt(event.DayOf(time.Now())); err != nil {
			b.Fatal(err)
		}
	}
}

// counting counts the transactions that write.
type counting struct {
	tables
	changes *int
}

func (c counting) Change(ctx context.Context, fn func(*sql.Tx) error) error {
	*c.changes++
	return c.tables.Change(ctx, fn)
}

// TestSecretsAreRead: a secret is written when it is made, and only read by
// whoever has a signature looked at, also a forged one.
func TestSecretsAreRead(t *testing.T) {
	f, err := engine.Open(filepath.Join(t.TempDir(), "control.sqlite"), kind)
	if err != nil {
		t.Fatal(err)
	}
	changes := 0
	s, err := rows.Open(t.Context(), counting{tables{f}, &changes})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, want := range []int{1, 0, 0} {
		changes = 0
		if b, err := s.Secret(t.Context(), "embed"); err != nil || len(b) != 32 || changes != want {
			t.Errorf("a secret of %d bytes wrote %d times, want %d: %v", len(b), changes, want, err)
		}
	}
}
