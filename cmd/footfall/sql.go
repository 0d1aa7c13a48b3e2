package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"footfall/account"
	"footfall/dialect"
	"footfall/ledger"
	"footfall/metric"
	"footfall/money"
	"footfall/period"
	"footfall/sqlapi"
	"footfall/store"
)

var sqlCommands = []command{
	{"sql", "QUERY [--site S] [--format F]", "ask in SQL: a table in a terminal, CSV for a program", runSQL},
}

var sqlFlags = map[string][][3]string{
	"sql": {{"site", "", "site; none is every site"}, {"csv", "false", "true: print CSV"}, {"format", "", "csv, ndjson, json, parquet or arrow; without it CSV, or a table in a terminal"}},
}

// selector asks the event store in SQL, and gives it what stands elsewhere.
type selector struct{ h *house }

// Select answers a query.
func (s selector) Select(ctx context.Context, q sqlapi.Question, out sqlapi.Sheet) error {
	if !s.h.questions.enter() {
		return errRebuilding
	}
	defer s.h.questions.leave()
	st := s.h.store.Load()
	if st == nil {
		return errRebuilding
	}
	ask := store.Selection{Query: q.Statement.Text, Parameters: q.Parameters, Now: time.Now()}
	var ids []string
	for _, site := range q.Sites {
		ids = append(ids, site.ID)
		ask.Sites = append(ask.Sites, store.Website{ID: site.ID, Name: site.Domain})
	}
	ask.Codes = s.h.desk.Owners(ids)
	if q.Affiliate != "" {
		of, _, known := s.h.desk.Figures(q.Affiliate)
		if !known {
			return errors.New("there is no such affiliate any more")
		}
		ask.Affiliate, ask.Pseudonyms = &of, s.h.pseudonyms(q.Affiliate)
	}
	g := given{s.h, q.Sites, q.Affiliate}
	ask.Given = map[string]store.Given{"OrdersTable": g.orders, "CommissionsTable": g.commissions, "DailyPageViewsTable": g.daily}
	err := st.Select(ctx, ask, inStore{out})
	var wrong *store.SelectError
	switch {
	case errors.As(err, &wrong):
		return q.Statement.At(wrong.At, wrong.Why)
	case errors.Is(err, store.ErrBusy):
		return sqlapi.ErrBusy
	}
	return err
}

// pseudonyms is the secret of an affiliate's pseudonyms.
func (h *house) pseudonyms(affiliate string) string {
	mac := hmac.New(sha256.New, h.secret)
	mac.Write([]byte("pseudonyms of affiliate " + affiliate))
	return hex.EncodeToString(mac.Sum(nil))
}

// inStore is a door's sheet as the store fills it.
type inStore struct{ sqlapi.Sheet }

// Head hands the columns on.
func (s inStore) Head(columns []store.Column) error {
	all := make([]sqlapi.Column, len(columns))
	for i, c := range columns {
		all[i] = sqlapi.Column(c)
	}
	return s.Sheet.Head(all)
}

// given hands over the rows of tables that the event store does not keep.
type given struct {
	h         *house
	sites     []account.Site
	affiliate string
}

// fine is an amount in 1/10,000 of a unit.
func fine(minor int64, currency string) int64 {
	for range 4 - min(4, money.Exponent(currency)) {
		minor *= 10
	}
	return minor
}

// orNone is nil for a text that is not there.
func orNone(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (g given) orders(ctx context.Context, put func(row ...any) error) error {
	for _, site := range g.sites {
		orders, err := g.h.desk.Orders(ctx, ledger.OrderFilter{Site: site.ID, Affiliate: g.affiliate, Limit: store.MaxGiven + 1})
		if err != nil {
			return err
		}
		for _, o := range orders {
			if !o.Known {
				continue
			}
			var quantity, net int64
			for _, l := range o.Lines {
				quantity, net = quantity+l.Quantity, net+l.Net
			}
			if err := put(o.Time, site.Domain, site.ID, "order", int64(1), o.ID, orNone(o.Number), orNone(o.Affiliate), orNone(o.Rule), orNone(o.Code), orNone(o.Sub), orNone(o.Coupon),
				o.Verified, quantity, fine(net, o.Currency), o.Currency); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g given) commissions(ctx context.Context, put func(row ...any) error) error {
	var kinds []ledger.EntryKind
	for _, k := range ledger.EntryKinds {
		if k.Payable() {
			kinds = append(kinds, k)
		}
	}
	for _, site := range g.sites {
		entries, err := g.h.desk.Entries(ctx, ledger.EntryFilter{Site: site.ID, Affiliate: g.affiliate, Kinds: kinds, Limit: store.MaxGiven + 1})
		if err != nil {
			return err
		}
		for _, e := range entries {
			order := orNone(e.Order)
			if g.affiliate != "" {
				order = nil // it may have become another's
			}
			if err := put(e.Occurred, site.Domain, site.ID, "commission", int64(1), e.ID, e.Affiliate, order, orNone(e.Product), string(e.Kind), string(e.State), orNone(e.Rule),
				orNone(e.Payout), e.Available, fine(e.Amount, e.Currency), e.Currency); err != nil {
				return err
			}
		}
	}
	return nil
}

// daily hands over the daily table, which tells of no affiliate.
func (g given) daily(ctx context.Context, put func(row ...any) error) error {
	if g.affiliate != "" {
		return nil
	}
	first, last := period.DateOf(time.Unix(0, 0), time.UTC), period.DateOf(time.Now().Add(48*time.Hour), time.UTC)
	for _, site := range g.sites {
		err := g.h.bins.PageDays(ctx, site.ID, first, last, func(l metric.PageDay) error {
			return put(l.Date.Window(time.UTC).From, site.Domain, site.ID, "page_views", l.Views, l.Page, l.Visitors, l.Estimate)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sql is the door for analysts.
func (h *house) sql() http.Handler {
	return sqlapi.New(selector{h}, h.control, h.sites, sqlapi.Options{Log: h.log, Affiliate: func(id string) ([]string, bool) {
		_, sites, known := h.desk.Figures(id)
		return sites, known
	}})
}

// sql answers the command.
func (k *control) sql(w http.ResponseWriter, r *http.Request) error {
	sites, err := k.h.sites.Sites(r.Context())
	if err != nil {
		return err
	}
	if name := r.FormValue("site"); name != "" {
		site, err := k.h.sites.find(name)
		if err != nil {
			return err
		}
		sites = []account.Site{site}
	}
	request, err := sqlapi.Read(r.Body, "")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), sqlapi.Timeout)
	defer cancel()
	begun, err := sqlapi.Answer(ctx, w, request, selector{k.h}, sites, "")
	switch {
	case err != nil && begun:
		panic(http.ErrAbortHandler) // as for an export
	case errors.Is(err, context.DeadlineExceeded):
		return &dialect.Error{Why: "this took longer than " + sqlapi.Timeout.String() + ": ask for a shorter time, or for less"}
	}
	return err
}

// sheetRead is an answer of sqlapi in JSON.
type sheetRead struct {
	Columns []sqlapi.Column `json:"columns"`
	Rows    [][]any         `json:"rows"`
}

func runSQL(ctx context.Context, c *call) error {
	if len(c.args) != 1 {
		return misused("write the query in quotes, such as 'SELECT count(*) FROM PageViewsTable'; docs/sql.md has more")
	}
	form := c.form("sql")
	csv := form.Get("csv") == "true"
	form.Del("csv")
	format := form.Get("format")
	form.Del("format")
	if err := binary(c, format); err != nil {
		return err
	}
	table := !csv && !c.json && format == "" && isTerminal(c.stdout)
	request := sqlapi.Request{Query: c.args[0], Format: cmp.Or(format, "csv")}
	if (c.json || table) && format == "" {
		request.Format = "json"
	}
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	k, err := c.dial(ctx)
	if err != nil {
		return err
	}
	res, err := k.do(ctx, "POST", "/sql", form, bytes.NewReader(body))
	if err == nil {
		if table {
			err = printSheet(c.stdout, res.Body)
		} else {
			_, err = io.Copy(c.stdout, res.Body)
		}
		res.Body.Close()
	}
	return errors.Join(err, k.close())
}

// printSheet prints an answer as a table.
func printSheet(w io.Writer, body io.Reader) error {
	var a sheetRead
	in := json.NewDecoder(body)
	in.UseNumber()
	if err := in.Decode(&a); err != nil {
		return fmt.Errorf("the answer ended too early: %w", err)
	}
	var head []string
	for _, column := range a.Columns {
		head = append(head, readable(column.Name))
	}
	rows := [][]string{head}
	for _, row := range a.Rows {
		var cells []string
		for _, v := range row {
			cells = append(cells, shown(v))
		}
		rows = append(rows, cells)
	}
	printRows(w, rows, len(head))
	fmt.Fprintf(w, "\n%d rows\n", len(a.Rows))
	return nil
}

func shown(v any) string {
	switch x := v.(type) {
	case nil:
		return "–"
	case string:
		return readable(strings.TrimSuffix(x, " 00:00:00.000"))
	case []any, map[string]any:
		b, err := json.Marshal(x)
		if err != nil {
			return ""
		}
		return readable(string(b))
	}
	return fmt.Sprint(v)
}
