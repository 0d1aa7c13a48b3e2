package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"footfall/account"
	"footfall/affiliate"
	"footfall/archive"
	"footfall/erase"
	"footfall/event"
	"footfall/history"
	"footfall/language"
	"footfall/ledger"
	"footfall/period"
	"footfall/queue"
	"footfall/store/duckdb"
)

var personCommands = []command{
	{"person erase", "--site S (--user ID | --anonymous ID | --email A | --order N) [--only] [--dry-run]", "take a person out of events, histories and ledger, or say what there is", erasePerson},
}

// manyPersons is how many users and customers one person may be: with more,
// somebody else is likely to be among them.
const manyPersons = 8

// errNobody and errSeveral tell why nobody can be erased by what was named.
var errNobody = errors.New("nothing leads from there to a person: name another of --user, --anonymous, --email or --order")

type errSeveral int

func (n errSeveral) Error() string {
	return fmt.Sprintf("these ids lead to %d users: several persons share a browser, and erasing one would erase all; name one id at a time with --only", int(n))
}

// erased is what there is, or was, of a person.
type erasedPerson struct {
	Site    string            `json:"site"`
	Keys    []ledger.Key      `json:"keys"`         // all that one leads to
	Events  int               `json:"events"`       // in the event store
	Archive archive.Removed   `json:"archive"`      // events and objects that are written anew
	Aside   int               `json:"aside"`        // items of what is set aside, which go
	History history.Removed   `json:"history"`      // of visitors
	Ledger  affiliate.Erasure `json:"ledger"`       //
	Until   time.Time         `json:"queue_until"`  // by then the queue has expired what it has of it
	Left    []string          `json:"left_to_look"` // files moved aside as damaged, which nobody can look into
	DryRun  bool              `json:"dry_run"`
	Places  []place           `json:"places"` // the same by place, for people
}

// place is what was done, or would be, in one of the places that keep events or what
// is made of them.
type place struct {
	Place string `json:"place"`
	Count uint64 `json:"count"`
	What  string `json:"what"`

	form language.Key // of What, and what stands in its braces
	args []any
}

// placed is a place with how many, and what becomes of it in English.
func placed(name language.Key, count uint64, form language.Key, args ...any) place {
	return place{string(name), count, (*language.Language)(nil).Say(form, args...), form, args}
}

// places lists all of them, also those that have nothing.
func (p erasedPerson) places() []place {
	queue := placed("queue", 0, "events are taken out: its files keep what they have until it expires, and nothing reads it without taking the person out")
	if !p.Until.IsZero() {
		queue = placed("queue", 0, "events are taken out: its files have them until {time}, and nothing reads it without taking the person out", p.Until.UTC().Format(untilForm))
	}
	return []place{
		placed("event store", uint64(p.Events), "events lose their ids and what tells who it was, and count as before"),
		placed("archive", p.Archive.Events, "events likewise, in {n} objects that are written anew", p.Archive.Rewritten),
		placed("bins", 0, "figures stay: visitors in them become other numbers as they are counted anew"),
		placed("hot buckets", 0, "likewise"),
		placed("histories", uint64(p.History.Visitors), "visitors go, with their segments and notices on their way"),
		placed("ledger", uint64(p.Ledger.Keys), "pseudonyms and links go; {touches} touches and {orders} orders stay, with entries and balances, and lead to nobody", p.Ledger.Touches, p.Ledger.Orders),
		placed("set aside", uint64(p.Aside), "items go; what a door refuses later and names the person is kept without its text"),
		queue,
		exportFiles,
	}
}

// printPlaces prints what became of each place.
func printPlaces(w io.Writer, all []place) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, p := range all {
		fmt.Fprintf(t, "%s\t%d\t%s\n", p.Place, p.Count, p.What)
	}
	t.Flush()
}

// erasing is one run: each step can be done again, also after a crash.
type erasing struct {
	h       *house
	sites   []account.Site
	program string // "" is none
	keys    []ledger.Key
	marks   []erase.Mark
	list    *erase.List // of this person alone
	did     erasedPerson
}

// newErasing finds out who is named.
func (h *house) newErasing(ctx context.Context, site account.Site, w affiliate.Who, only bool) (*erasing, error) {
	x := &erasing{h: h, sites: []account.Site{site}, list: erase.NewList(h.secret, h.desk.Private), did: erasedPerson{Site: site.ID, DryRun: true}}
	p, ok := h.desk.Program(site.ID)
	if ok {
		x.program, x.sites = p.ID, nil
		for _, id := range p.Sites {
			s, err := h.sites.find(id)
			if err != nil {
				return nil, err
			}
			x.sites = append(x.sites, s)
		}
	}
	for _, s := range x.sites {
		if s.ID != site.ID {
			w.Order = ""
		}
		keys, err := h.desk.Name(ctx, s.ID, w)
		if err != nil {
			return nil, err
		}
		x.keys = append(x.keys, keys...)
	}
	if len(x.keys) == 0 {
		return nil, errNobody
	}
	if err := x.follow(ctx, only); err != nil {
		return nil, err
	}
	now := time.Now()
	for _, s := range x.sites {
		for _, k := range x.keys {
			x.marks = append(x.marks, x.list.Mark(s.ID, k, now))
		}
	}
	x.list.Add(x.marks...)
	x.did.Keys = x.keys
	return x, nil
}

// follow adds what is beside the keys in the ledger and in events, until there is
// nothing more.
func (x *erasing) follow(ctx context.Context, only bool) error {
	for known := 0; known < len(x.keys); {
		slices.Sort(x.keys)
		x.keys = slices.Compact(x.keys)
		known = len(x.keys)
		if x.program != "" {
			var err error
			if x.keys, err = x.h.desk.Beside(ctx, x.program, !only, x.keys...); err != nil {
				return err
			}
		}
		if !only {
			if err := x.together(ctx); err != nil {
				return err
			}
		}
	}
	persons := 0
	for _, k := range x.keys {
		if strings.HasPrefix(string(k), "user:") {
			persons++
		}
	}
	if persons > manyPersons {
		return errSeveral(persons)
	}
	return nil
}

// together adds the ids that stand beside known ones in events.
func (x *erasing) together(ctx context.Context) error {
	ids := map[string][]string{}
	for _, k := range x.keys {
		kind, id, _ := strings.Cut(string(k), ":")
		ids[kind] = append(ids[kind], id)
		if strings.Contains(id, "@") { // of the spellings of an address those that a site is likely to use
			ids[kind] = append(ids[kind], strings.ToLower(id), ledger.FoldEmail(id))
		}
	}
	for _, s := range x.sites {
		err := x.h.withStore(func(st *duckdb.Store) error {
			found, err := st.Together(ctx, s.ID, ids["user"], ids["anon"])
			for _, one := range found {
				for _, k := range []struct{ kind, id string }{{"user:", one.User}, {"anon:", one.Anonymous}, {"anon:", one.Previous}, {"user:", one.Previous}} {
					if key := ledger.Key(k.kind + k.id); k.id != "" && !slices.Contains(x.keys, key) {
						x.keys = append(x.keys, key)
					}
				}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// look counts what there is.
func (x *erasing) look(ctx context.Context) (err error) {
	for _, s := range x.sites {
		if err := x.h.export(ctx, s.ID, period.Window{}, func(e *event.Event) error {
			if x.list.Named(e) {
				x.did.Events++
			}
			return nil
		}); err != nil {
			return err
		}
		found, err := x.h.archive.Changeable(ctx, s.ID, x.list.Clean)
		if err != nil {
			return err
		}
		x.did.Archive.Events += found.Events
		x.did.Archive.Rewritten += found.Rewritten
		visitors, err := x.visitors(ctx, s.ID)
		if err != nil {
			return err
		}
		x.did.History.Visitors += len(visitors)
	}
	aside, err := x.aside(ctx)
	if err != nil {
		return err
	}
	x.did.Aside = len(aside)
	if x.program != "" {
		x.did.Ledger, err = x.h.desk.Named(ctx, x.program, x.keys...)
	}
	return err
}

// visitors lists who of a site's histories the person is.
func (x *erasing) visitors(ctx context.Context, site string) (all []string, err error) {
	none := history.Item{Kind: "none"}
	err = x.h.histories.Each(ctx, site, func(p history.Past) error {
		for _, kind := range []string{"user:", "anon:"} {
			if x.list.Erased(site, ledger.Key(kind+p.Visitor), time.Time{}) {
				all = append(all, p.Visitor)
				break
			}
		}
		return nil
	}, none)
	return all, err
}

// aside lists what is set aside and names the person.
func (x *erasing) aside(ctx context.Context) (ids []uint64, err error) {
	for _, sink := range []string{"store", "archive", "ledger"} {
		if err := x.h.queue.SetAside(ctx, sink, func(id uint64, e *event.Event) {
			if x.list.Named(e) {
				ids = append(ids, id)
			}
		}); err != nil {
			return nil, err
		}
	}
	for _, door := range []string{"collect", "import"} {
		items, err := x.h.queue.Aside().List(ctx, door, 0)
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			if it.Event != nil && x.list.Named(it.Event) || x.names(it) || x.list.Names(it.Site, it.Raw) {
				ids = append(ids, it.ID)
			}
		}
	}
	return ids, nil
}

// shortID is up to how many bytes an id is sought in quotes only: it may be a part
// of anything.
const shortID = 7

// names reports whether what a door could not read names the person.
func (x *erasing) names(it queue.AsideItem) bool {
	return slices.ContainsFunc(x.keys, func(k ledger.Key) bool {
		kind, id, _ := strings.Cut(string(k), ":")
		if kind == "customer" || kind == "click" {
			return false
		}
		text, err := json.Marshal(id)
		return err == nil && strings.Contains(it.Raw, string(text)) || len(id) > shortID && strings.Contains(it.Raw, id)
	})
}

// steps are in this order: first what keeps the person from coming again, last
// the ledger, whose links lead to all keys, so that a run that was cut short can
// be done again from any of them.
func (x *erasing) steps() []func(ctx context.Context) error {
	return []func(ctx context.Context) error{x.mark, x.fromAside, x.fromHistories, x.fromArchive, x.fromStore, x.fromHistories, x.fromLedger}
}

func (x *erasing) mark(ctx context.Context) error { return x.h.erased.keep(ctx, x.marks...) }

func (x *erasing) fromAside(ctx context.Context) error {
	x.h.refusals.forget()
	ids, err := x.aside(ctx)
	if err == nil && len(ids) > 0 {
		_, err = x.h.queue.Aside().Drop(ctx, ids...)
	}
	return err
}

func (x *erasing) fromHistories(ctx context.Context) error {
	x.h.mover.testing.Lock() // nobody is moved meanwhile
	defer x.h.mover.testing.Unlock()
	for _, s := range x.sites {
		visitors, err := x.visitors(ctx, s.ID)
		if err != nil {
			return err
		}
		for _, k := range x.keys { // who was moved out of segments just before may have nothing left but a notice
			if kind, id, _ := strings.Cut(string(k), ":"); (kind == "user" || kind == "anon") && !slices.Contains(visitors, id) {
				visitors = append(visitors, id)
			}
		}
		removed, err := x.h.histories.Erase(ctx, s.ID, visitors...)
		if err != nil {
			return err
		}
		x.did.History.Rows += removed.Rows
	}
	return x.h.removeDamaged()
}

func (x *erasing) fromArchive(ctx context.Context) error {
	for _, s := range x.sites {
		if _, err := x.h.archive.Change(ctx, s.ID, x.h.erased.Clean); err != nil {
			return err
		}
	}
	return nil
}

// fromStore makes the event store anew from what the archive is now, and what
// follows from it: nothing that was overwritten stays in a file. Stores that were
// kept before, as a rebuild was cut short, go.
func (x *erasing) fromStore(ctx context.Context) error {
	if err := x.h.rebuildNow(ctx, func(rebuildProgress) {}); err != nil {
		return err
	}
	kept, err := filepath.Glob(x.h.storeDir() + ".before-rebuild-*")
	for _, dir := range kept {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	if err == nil {
		err = x.h.settled(ctx)
	}
	if err == nil {
		_, err = x.h.roller.Roll(ctx)
	}
	return err
}

func (x *erasing) fromLedger(ctx context.Context) error {
	if x.program == "" {
		return nil
	}
	_, err := x.h.desk.Erase(ctx, x.program, x.keys...)
	return err
}

// erasePerson erases a person, or looks what there is.
func (h *house) erasePerson(ctx context.Context, site account.Site, w affiliate.Who, only, dry bool) (*erasedPerson, error) {
	ctx, done, err := h.caring(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	x, err := h.newErasing(ctx, site, w, only)
	if err != nil {
		return nil, err
	}
	if err := x.look(ctx); err != nil || dry {
		x.did.Places = x.did.places()
		return &x.did, err
	}
	if err := h.shadow().drop(); err != nil { // it may tell of the person's events
		return nil, err
	}
	x.did.DryRun, x.did.History.Rows = false, 0
	for _, step := range x.steps() {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("the person is not erased everywhere yet; the same command again goes on: %w", err)
		}
	}
	state, err := h.queue.State(ctx)
	if err != nil {
		return nil, err
	}
	x.did.Until = time.Now().Add(state.MaxAge).UTC().Truncate(time.Second)
	x.did.Left, err = h.movedAside()
	x.did.Places = x.did.places()
	return &x.did, err
}

// movedAside lists files of events that were damaged and moved aside, and copies
// of before a change of format: what is in them nobody looks through.
func (h *house) movedAside() (all []string, err error) {
	dir := h.c.values["data"]
	for _, pattern := range []string{"archive/_aside/*", "store/*.damaged-*", "store/*.v1-*", "*.sqlite.v*.bak"} {
		found, failed := filepath.Glob(filepath.Join(dir, pattern))
		all, err = append(all, found...), errors.Join(err, failed)
	}
	return all, err
}

func (k *control) erasePerson(w http.ResponseWriter, r *http.Request) error {
	site, err := k.h.sites.find(r.FormValue("site"))
	if err != nil {
		return err
	}
	who := affiliate.Who{User: r.FormValue("user"), Anonymous: r.FormValue("anonymous"), Email: r.FormValue("email"), Order: r.FormValue("order"), Store: r.FormValue("store")}
	if who == (affiliate.Who{Store: who.Store}) {
		return errors.New("say who: --user, --anonymous, --email or --order")
	}
	did, err := k.h.erasePerson(r.Context(), site, who, r.FormValue("only") == "true", r.FormValue("dry-run") == "true")
	if err == nil && !did.DryRun {
		err = k.h.noteErased(r.Context(), account.Operator(), did)
	}
	if err != nil {
		return err
	}
	return answer(w, did)
}

func erasePerson(ctx context.Context, c *call) error {
	form := c.form("person erase")
	if form.Get("user")+form.Get("anonymous")+form.Get("email")+form.Get("order") == "" {
		return misused("say who: --user, --anonymous, --email or --order")
	}
	var did erasedPerson
	return c.once(ctx, "POST", "/person/erase", form, &did, func(w io.Writer) { printErased(w, did) })
}

// found reports whether there is, or was, anything of the person.
func (p erasedPerson) found() bool {
	return uint64(p.Events)+p.Archive.Events+uint64(p.History.Visitors)+uint64(p.Ledger.Keys)+uint64(p.Aside) > 0
}

func printErased(w io.Writer, p erasedPerson) {
	fmt.Fprintln(w, "The person is:")
	for _, k := range p.Keys {
		fmt.Fprintf(w, "  %s\n", strings.Replace(string(k), ":", " ", 1))
	}
	fmt.Fprintln(w)
	printPlaces(w, p.Places)
	if !p.found() {
		fmt.Fprintln(w, "NOTHING WAS FOUND: no event, history, order or link has one of these ids. If the person was not erased before, look whether the id is spelled as your pages and shop send it")
	}
	if p.DryRun {
		fmt.Fprintln(w, "nothing was erased yet: the same without --dry-run erases it; if these ids are of several persons, name one with --only")
		return
	}
	if p.found() {
		fmt.Fprintf(w, "erased: figures and money are what they were, and nothing leads to the person; by %s the queue's own files have expired, too\n", p.Until.Format(time.RFC3339))
	}
	for _, path := range p.Left {
		fmt.Fprintf(w, "look yourself, or remove it: %s was moved aside or copied earlier, and may name the person\n", path)
	}
}
