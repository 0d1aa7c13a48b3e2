package portal

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"footfall/affiliate"
	"footfall/money"
	"footfall/sheet"
)

// asFile reports whether all rows of a page's table are wanted as a file.
func (v *visit) asFile() bool { return v.r.URL.Query().Has("csv") }

// fileOf is the address of all rows of the page's table as a file.
func (v *visit) fileOf() string {
	q := v.r.URL.Query()
	for _, page := range []string{"before", "done", "page"} {
		q.Del(page)
	}
	q.Set("csv", "all")
	return v.r.URL.Path + "?" + q.Encode()
}

// begin begins a file in the format that is asked for, that the browser saves.
func (v *visit) begin(name string) (format string) {
	format = sheet.Asked(v.r.URL.Query().Get("format"))
	v.w.Header().Set("Content-Type", sheet.Formats[format])
	v.w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.`+format+`"`)
	return format
}

// file sends a file that is written as a whole before.
func (v *visit) file(name string, write func(b *bytes.Buffer, format string) error) error {
	var b bytes.Buffer
	if err := write(&b, sheet.Asked(v.r.URL.Query().Get("format"))); err != nil {
		return err
	}
	v.begin(name)
	_, _ = b.WriteTo(v.w) // fails only if the client is gone
	return nil
}

// send sends a table as a file, as its rows come. Behind the first of them an error
// breaks the transfer off, so that nobody takes a part for the whole.
func (v *visit) send(name string, columns []string, each func(row func(cells ...any) error) error) error {
	out := &sheet.Noting{To: v.w}
	table := sheet.Begin(out, v.begin(name), sheet.Columns(columns...)...)
	err := each(table.Row)
	if err == nil {
		err = table.Close()
	}
	if err != nil && out.Begun {
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		v.w.Header().Del("Content-Disposition")
	}
	return err
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// exact is the type of amounts: no currency has more than three decimals.
const exact = "DECIMAL(18,3)"

func amount(minor int64, currency string) json.Number {
	return json.Number(money.Format(minor, currency))
}

// fileRows is how many orders are read at a time.
var fileRows = 500 // changed by a test

// ordersFile sends orders, the newest first: those given, or without them all that a
// filter lets through.
func (v *visit) ordersFile(names map[string]string, given []affiliate.Order, f affiliate.OrderFilter, with bool) error {
	columns := []string{"order", "number", "ordered_at TIMESTAMP", "store", "affiliate", "name", "why", "code", "coupon", "verified BOOLEAN", "net " + exact, "currency"}
	f.Limit = fileRows
	return v.send("orders", columns, func(row func(cells ...any) error) error {
		for some, err := given, error(nil); ; f.Before = some[len(some)-1].ID {
			if given == nil {
				if some, err = v.desk.Orders(v.ctx(), f); err != nil {
					return err
				}
			}
			for _, o := range some {
				if with && o.Affiliate == "" {
					continue
				}
				var net any
				if o.Known {
					net = amount(netOf(o), o.Currency)
				}
				if err := row(o.ID, o.Number, instant(o.Time), o.Store, o.Affiliate, names[o.Affiliate], o.Rule, o.Code, o.Coupon, o.Verified, net, o.Currency); err != nil {
					return err
				}
			}
			if given != nil || len(some) < fileRows {
				return nil
			}
		}
	})
}

// ownOrdersFile sends the orders of the affiliate who asks, as it is shown them.
func (v *visit) ownOrdersFile() error {
	return v.send("orders", []string{"order", "number", "ordered_at TIMESTAMP", "states", "verified BOOLEAN", "net " + exact, "commission " + exact, "currency"}, func(row func(cells ...any) error) error {
		for before := ""; ; {
			some, err := v.desk.OrdersOf(v.ctx(), v.affiliate.ID, before, fileRows)
			if err != nil {
				return err
			}
			for _, o := range some {
				var net, commission any
				if o.Known {
					net, commission = amount(o.Net, o.Currency), amount(o.Commission, o.Currency)
				}
				states := make([]string, len(o.States))
				for i, s := range o.States {
					states[i] = string(s)
				}
				if err := row(o.ID, o.Number, instant(o.Time), strings.Join(states, " "), o.Verified, net, commission, o.Currency); err != nil {
					return err
				}
			}
			if len(some) < fileRows {
				return nil
			}
			before = some[len(some)-1].ID
		}
	})
}

// netOf is what an order's lines come to.
func netOf(o affiliate.Order) (net int64) {
	for _, l := range o.Lines {
		net += l.Net
	}
	return net
}

// membersFile sends affiliates, a row for each of their currencies.
func (v *visit) membersFile(all []affiliate.Affiliate, of map[string]map[string]affiliate.Balance) error {
	columns := []string{"affiliate", "name", "email", "status", "since TIMESTAMP", "currency", "pending " + exact, "held " + exact, "available " + exact, "in_payout " + exact, "paid " + exact, "earned " + exact}
	return v.send("affiliates", columns, func(row func(cells ...any) error) error {
		for _, a := range all {
			who := []any{a.ID, a.Name, a.Email, string(a.Status), instant(a.Created)}
			has := balances(of[a.ID])
			if len(has) == 0 {
				if err := row(append(who, "", nil, nil, nil, nil, nil, nil)...); err != nil {
					return err
				}
			}
			for _, b := range has {
				cells := append(who[:len(who):len(who)], b.Currency)
				for _, n := range []int64{b.Pending, b.Held, b.Available, b.InPayout, b.Paid, b.Earned} {
					cells = append(cells, amount(n, b.Currency))
				}
				if err := row(cells...); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// flagsFile sends flags.
func (v *visit) flagsFile(all []affiliate.Flag, names map[string]string) error {
	return v.send("flags", []string{"flag", "raised_at TIMESTAMP", "type", "state", "affiliate", "name", "order", "evidence"}, func(row func(cells ...any) error) error {
		for _, f := range all {
			if err := row(f.ID, instant(f.Created), f.Type, string(f.State), f.Affiliate, names[f.Affiliate], f.Order, f.Evidence); err != nil {
				return err
			}
		}
		return nil
	})
}
