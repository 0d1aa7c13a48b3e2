package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/pprof"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"footfall/account"
	"footfall/api"
	"footfall/dash"
	"footfall/enrich"
	"footfall/event"
	"footfall/history"
	"footfall/query"
	"footfall/queue"
	"footfall/sheet"
	"footfall/weblog"
)

// control is the commands' door: HTTP on a socket in the data directory that
// only the owner of the directory can open.
type control struct {
	h       *house
	restart func() // nil when there is nothing to restart
}

func (k *control) routes() http.Handler {
	mux := http.NewServeMux()
	routes := map[string]func(http.ResponseWriter, *http.Request) error{
		"POST /site/add": k.addSite, "POST /site/set": k.setSite, "GET /site/list": k.listSites,
		"POST /user/add": k.addUser, "GET /user/list": k.listUsers, "POST /user/remove": k.removeUser, "POST /user/reset": k.resetUser,
		"POST /user/disable": k.switchUser, "POST /user/enable": k.switchUser, "POST /login": k.login,
		"POST /key/add": k.addKey, "GET /key/list": k.listKeys, "POST /key/revoke": k.revokeKey,
		"POST /share/add": k.addShare, "GET /share/list": k.listShares, "POST /share/revoke": k.revokeShare, "GET /audit": k.listChanges,
		"POST /embed/sign": k.signEmbed, "POST /embed/renew": k.renewEmbed,
		"GET /query": k.query, "POST /query": k.report, "POST /cohorts": k.cohorts, "POST /journey": k.journey, "POST /sql": k.sql, "POST /funnel": k.funnel,
		"POST /goal/add": k.addGoal, "GET /goal/list": k.listGoals, "POST /goal/remove": k.removeGoal,
		"POST /note/add": k.addNote, "GET /note/list": k.listNotes, "POST /note/remove": k.removeNote,
		"GET /filters/list": k.listFilters, "POST /filters/remove": k.removeFilters,
		"POST /funnel/save": k.saveFunnel, "GET /funnel/list": k.listFunnels, "POST /funnel/remove": k.removeFunnel,
		"GET /export": k.export, "POST /export/schedule/add": k.addCopying, "GET /export/schedule/list": k.listCopying, "POST /export/schedule/remove": k.removeCopying, "POST /import": k.importLog,
		"GET /aside/list": k.asideList, "GET /aside/show": k.asideShow, "POST /aside/redrive": k.asideMove, "POST /aside/drop": k.asideMove,
		"GET /segment/list": k.listSegments, "POST /segment/set": k.setSegments, "POST /segment/remove": k.removeSegment,
		"POST /segment/test": k.testSegments, "GET /segment/counts": k.countSegment,
		"GET /visitor/history": k.visitorHistory, "GET /visitor/segments": k.visitorSegments,
		"POST /person/erase": k.erasePerson, "POST /events/delete": k.deleteEvents, "POST /again": k.doAgain,
		"GET /daily": k.dailyPages, "GET /daily/done": k.dailyDone,
		"POST /retention": k.retain, "GET /retention": k.retained,
		"POST /roll": k.roll, "POST /reconcile": k.reconcile,
		"POST /reprocess": k.reprocess, "POST /reprocess/swap": k.swapReprocessed,
		"POST /rebuild": k.rebuild, "POST /backup": k.backup, "GET /status": k.status, "GET /where": k.where, "GET /archive": k.archivePlace, "POST /restart": k.restartServer,
	}
	own := k.programRoutes()
	maps.Copy(own, k.hookRoutes())
	for route, do := range own {
		routes[route] = k.noted(route, do)
	}
	maps.Copy(routes, k.reportRoutes())
	maps.Copy(routes, k.alertRoutes())
	for route, do := range routes {
		mux.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) {
			if err := do(w, r); err != nil {
				w.WriteHeader(http.StatusUnprocessableEntity)
				_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
			}
		})
	}
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/heap", pprof.Handler("heap").ServeHTTP)
	return mux
}

func answer(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }

func (k *control) addSite(w http.ResponseWriter, r *http.Request) error {
	s, err := k.h.newSite(r.Context(), account.Operator(), account.Site{Domain: r.FormValue("domain"), Zone: r.FormValue("timezone"),
		Currency: r.FormValue("currency"), DNT: true})
	if err != nil {
		return err
	}
	return answer(w, s)
}

// setSite changes what the form names and leaves the rest.
func (k *control) setSite(w http.ResponseWriter, r *http.Request) error {
	s, err := k.h.sites.find(r.FormValue("domain"))
	if err != nil {
		return err
	}
	for name, values := range r.Form {
		switch v := values[0]; name {
		case "timezone":
			s.Zone = v
		case "currency":
			s.Currency = v
		case "origins":
			s.Origins = strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })
		case "dnt":
			if s.DNT = v == "on"; !s.DNT && v != "off" {
				return fmt.Errorf("dnt: %q is neither on nor off", v)
			}
		case "history":
			s.History, err = numberOrOff(name, v, "months")
		case "keep-events":
			s.Keep, err = numberOrOff(name, v, "days")
		case "public":
			s.Public = account.ReadParts(v)
		case "webhook":
			if s.Webhook, s.WebhookSecret = v, ""; v == "off" {
				s.Webhook = ""
			}
		}
		if err != nil {
			return err
		}
	}
	out, err := k.h.changeSite(r.Context(), account.Operator(), s)
	if err != nil {
		return err
	}
	if r.Form.Has("webhook") {
		out.Secret = out.WebhookSecret
	}
	return answer(w, out)
}

// changedSite is a site, the secret of its webhook when it was just made, and
// what was removed.
type changedSite struct {
	account.Site
	Secret  string          `json:"webhook_secret,omitempty"`
	Removed history.Removed `json:"removed,omitzero"` // of histories
}

// numberOrOff reads a setting that is a number, or off, which is 0.
func numberOrOff(name, text, unit string) (int, error) {
	if text == "off" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is neither off nor a number of %s", name, text, unit)
	}
	return n, nil
}

func (k *control) listSites(w http.ResponseWriter, r *http.Request) error {
	all, err := k.h.sites.Sites(r.Context())
	if err != nil {
		return err
	}
	return answer(w, all)
}

// anySite is the id of the site that is named; "" if none is, which is every site.
func (k *control) anySite(r *http.Request) (string, error) {
	name := r.FormValue("site")
	if name == "" {
		return "", nil
	}
	s, err := k.h.sites.find(name)
	return s.ID, err
}

func (k *control) query(w http.ResponseWriter, r *http.Request) error {
	params := r.URL.Query()
	all, err := k.h.sites.Sites(r.Context())
	if err != nil {
		return err
	}
	var ids []string
	if name := params.Get("site"); name != "" || params.Get("by") != "website" {
		for _, one := range strings.Split(name, ",") {
			s, err := k.h.sites.find(one)
			if err != nil {
				return err
			}
			ids = append(ids, s.ID)
		}
	}
	params.Set("site", strings.Join(ids, ","))
	params.Del("recount")
	q, err := api.ParseQuery(params, all, time.Now())
	if err != nil {
		return err
	}
	source := query.Route(k.h, earned{k.h}).Answer
	if r.FormValue("recount") == "true" && !q.Metric.Earned() {
		q.Currency = k.h.sites.currency(q.Site)
		source = k.h.recountFigure
	}
	d, err := source(r.Context(), q)
	if err != nil {
		return err
	}
	return answer(w, api.Spell(q, d, all))
}

func (k *control) export(w http.ResponseWriter, r *http.Request) error {
	site, err := k.h.sites.find(r.FormValue("site"))
	if err != nil {
		return err
	}
	params := r.URL.Query()
	params.Set("site", site.ID)
	q, err := api.ParseExport(params, []account.Site{site})
	if err != nil {
		return err
	}
	out := &sheet.Noting{To: w}
	err = k.h.writeExport(r.Context(), out, q)
	if err != nil && out.Begun {
		panic(http.ErrAbortHandler) // too late for an error: the reader sees a broken transfer, not a short file
	}
	return err
}

// importProgress is one line of an import's answer; the last has Done.
type importProgress struct {
	weblog.Report
	Read  int64  `json:"read"`
	Done  bool   `json:"done"`
	Error string `json:"error,omitempty"`
}

func (k *control) importLog(w http.ResponseWriter, r *http.Request) error {
	site, err := k.h.sites.find(r.FormValue("site"))
	if err != nil {
		return err
	}
	format, err := weblog.ParseFormat(r.FormValue("format"))
	if err != nil {
		return err
	}
	if !k.h.importing.TryLock() {
		return errors.New("another import is under way; wait for it to end")
	}
	unlock := sync.OnceFunc(k.h.importing.Unlock)
	defer unlock()
	counter, _ := k.h.again.LoadOrStore(site.ID, new(atomic.Int64))
	again := counter.(*atomic.Int64)
	again.Store(0)
	flush := http.NewResponseController(w)
	if err := flush.EnableFullDuplex(); err != nil { // progress is told while the file still comes
		return err
	}
	tooOld := 0
	report, err := weblog.Import(r.Context(), r.Body, weblog.Options{
		Site: site.ID, Secret: k.h.secret, Format: format, Source: r.FormValue("name"), Host: site.Domain, Salt: []byte(r.FormValue("salt")),
		Publish: func(ctx context.Context, events []event.Event) error {
			events, old := recent(events, site.Oldest(time.Now()))
			if tooOld += old; old > 0 {
				k.h.meters.count("refused", "too_old", old)
			}
			if len(events) == 0 {
				return nil
			}
			if err := k.h.queue.Publish(ctx, events...); err != nil {
				return err
			}
			k.h.meters.count("accepted", "", len(events))
			return nil
		},
		Enrich:    k.importEnricher(r.FormValue("bots")).Enrich,
		Malformed: k.h.malformed(site.ID, r.FormValue("name")),
		Progress: func(rep weblog.Report, read int64) {
			_ = answer(w, importProgress{Report: rep, Read: read}) // a reader that left ends the import by its context
			_ = flush.Flush()
		},
	})
	if err == nil {
		err = k.h.settled(r.Context())
	}
	report.Duplicates, report.TooOld = again.Load(), int64(tooOld)
	last := importProgress{Report: report, Done: true}
	if err != nil {
		last.Error = err.Error()
	}
	unlock() // first, as who has the answer may ask for the next
	return answer(w, last)
}

// malformed sets aside lines that can't be read, each once however often its
// file is imported.
func (h *house) malformed(site, file string) func(context.Context, int64, string, string) {
	var known map[string]bool // site and reason of what was set aside by earlier imports
	return func(ctx context.Context, line int64, reason, scrubbed string) {
		if known == nil {
			known = map[string]bool{}
			items, err := h.queue.Aside().List(ctx, "import", 0)
			if err != nil {
				h.log.Warn("import: what is set aside can't be listed; malformed lines may be in it twice", "error", err)
			}
			for _, it := range items {
				known[it.Site+" "+it.Reason] = true
			}
		}
		reason = fmt.Sprintf("%s line %d: %s", file, line, reason)
		if !known[site+" "+reason] {
			h.refuse(ctx, "import", site, reason, scrubbed)
		}
	}
}

// importEnricher is the house's own, or one that knows a bot by the four words
// of the reference rules only.
func (k *control) importEnricher(bots string) *enrich.Enricher {
	o := enrich.Options{Salts: k.h.control, Internal: k.h.sites.internal}
	if k.h.geo != nil {
		o.Places = k.h.geo
	}
	if bots == "words" {
		o.BotWords = []string{"bot", "crawl", "spider", "slurp"}
	}
	return enrich.New(o)
}

func (k *control) asideList(w http.ResponseWriter, r *http.Request) error {
	limit, _ := strconv.Atoi(r.FormValue("limit")) // absent is all
	items, err := k.h.queue.Aside().List(r.Context(), r.FormValue("reader"), limit)
	if err != nil {
		return err
	}
	if items == nil {
		items = []queue.AsideItem{}
	}
	return answer(w, items)
}

func (k *control) asideShow(w http.ResponseWriter, r *http.Request) error {
	ids, err := numbers(r.FormValue("ids"))
	if err != nil || len(ids) != 1 {
		return errors.New("which one? give the number that footfall aside list shows")
	}
	item, err := k.h.queue.Aside().Show(r.Context(), ids[0])
	if err != nil {
		return err
	}
	return answer(w, item)
}

// asideMove redrives or drops items: those given, or all of a reader.
func (k *control) asideMove(w http.ResponseWriter, r *http.Request) error {
	ids, err := numbers(r.FormValue("ids"))
	if err != nil {
		return err
	}
	m := dash.AsideMove{Drop: strings.HasSuffix(r.URL.Path, "drop"), IDs: ids, Reader: r.FormValue("reader")}
	n := 0
	if len(ids) > 0 || r.FormValue("all") == "true" {
		n, err = k.h.moveItems(r.Context(), account.Operator(), m)
	}
	if err != nil {
		return err
	}
	return answer(w, map[string]int{"moved": n})
}

func numbers(list string) (ids []uint64, err error) {
	for _, s := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number that footfall aside list shows", s)
		}
		ids = append(ids, n)
	}
	return ids, nil
}

// rebuildProgress is one line of a rebuild's answer; the last has Done.
type rebuildProgress struct {
	Events  int    `json:"events"`
	Waiting string `json:"waiting,omitempty"` // for what
	Done    bool   `json:"done"`
	Error   string `json:"error,omitempty"`
}

func (k *control) rebuild(w http.ResponseWriter, r *http.Request) error {
	var last rebuildProgress
	flush := http.NewResponseController(w)
	err := k.h.rebuild(r.Context(), func(p rebuildProgress) {
		last = p
		_ = answer(w, p) // a reader that left ends the rebuild by its context
		_ = flush.Flush()
	})
	if err == nil {
		err = k.h.settled(r.Context())
	}
	last.Done, last.Waiting = true, ""
	if err != nil {
		last.Error = err.Error()
	}
	return answer(w, last)
}

func (k *control) status(w http.ResponseWriter, r *http.Request) error {
	s, err := k.h.status(r.Context())
	if err != nil {
		return err
	}
	return answer(w, s)
}

func (k *control) restartServer(w http.ResponseWriter, r *http.Request) error {
	if k.restart == nil {
		return errors.New("no server is running; start one with: footfall serve")
	}
	if err := rehearse(r.Context()); err != nil {
		return err
	}
	defer k.restart()
	return answer(w, map[string]bool{"restarting": true})
}
