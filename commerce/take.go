package commerce

import (
	"errors"
	"fmt"
	"net/http"

	"footfall/account"
	"footfall/shop"
)

// told is an answer with the shop's own id of the order, which an item of a list
// is known by.
type told struct {
	Number string `json:"order_id"`
	Answer
}

// counted is how many reports became what.
type counted struct {
	Taken      int `json:"taken"` // with duplicates
	Duplicate  int `json:"duplicate"`
	Attributed int `json:"attributed"`
	Test       int `json:"test"` // of a shop's test mode: not taken
}

// take gives reports to the Taker until one fails. It may be sent again as a
// whole: those that were taken before are duplicates then.
func (d *door) take(r *http.Request, reports []shop.Report, each func(shop.Report, Answer)) (n counted, f *refusal) {
	for i := range reports {
		report := &reports[i]
		if report.Test {
			n.Test++
			d.Count("order_test", report.From, 1)
			continue
		}
		a, err := d.taker.Take(r.Context(), *report)
		if err != nil {
			f := d.failed(report, err)
			if f.taken = n.Taken; f.field != "" && len(reports) > 1 {
				f.field = fmt.Sprintf("[%d].%s", i, f.field)
			}
			return n, f
		}
		n.Taken++
		stage := "order_taken"
		if a.Duplicate {
			n.Duplicate++
			stage = "order_duplicate"
		}
		if a.Attributed {
			n.Attributed++
		}
		d.Count(stage, report.From, 1)
		each(*report, a)
	}
	return n, nil
}

// failed makes the answer to a report that was not taken.
func (d *door) failed(report *shop.Report, err error) *refusal {
	if f := fault(err); f != nil {
		d.Count("order_refused", word(f.field), 1)
		return f
	}
	d.Count("order_refused", "failed", 1)
	d.Log.Error("commerce: a report could not be taken", "site", report.Site, "from", report.From, "error", err)
	return again("it could not be kept: send it again; the reason is in the server's log")
}

// sender finds the site that a request is for and checks its key.
func (d *door) sender(r *http.Request) (o shop.RequestOptions, f *refusal) {
	site := r.URL.Query().Get("site")
	if site == "" {
		return o, &refusal{status: http.StatusBadRequest, field: "site", why: "site is missing: add ?site=SITE to the address"}
	}
	allowed, err := d.Allow(r, site)
	if err != nil {
		d.Log.Error("commerce: a key could not be looked up", "site", site, "error", err)
		return o, again("the key could not be looked up: send it again; the reason is in the server's log")
	}
	if !allowed {
		return o, &refusal{status: http.StatusUnauthorized, why: "no key that may write orders of this site: send the header Authorization: Bearer ffk_…; make a key with: footfall key add --site SITE --scope orders"}
	}
	currency, ok := d.Currency(site)
	if !ok {
		return o, &refusal{status: http.StatusNotFound, why: "there is no such site"}
	}
	return shop.RequestOptions{Site: site, Currency: currency, Now: d.Now().UTC()}, nil
}

// orders is POST /v1/orders.
func (d *door) orders(w http.ResponseWriter, r *http.Request, o shop.RequestOptions) *refusal {
	return d.request(w, r, o, shop.ReadOrders)
}

// refunds is POST /v1/refunds.
func (d *door) refunds(w http.ResponseWriter, r *http.Request, o shop.RequestOptions) *refusal {
	return d.request(w, r, o, shop.ReadRefunds)
}

func (d *door) request(w http.ResponseWriter, r *http.Request, o shop.RequestOptions, read func([]byte, shop.RequestOptions) (shop.Request, error)) *refusal {
	body, f := d.body(w, r, MaxBody)
	if f != nil {
		return f
	}
	q, err := read(body, o)
	if err != nil {
		return d.unread(err)
	}
	answers, created := []told{}, false
	n, f := d.take(r, q.Reports, func(report shop.Report, a Answer) {
		if a.Commission == nil {
			a.Commission = []Amount{}
		}
		answers = append(answers, told{report.Number, a})
		created = report.Order != nil && !a.Duplicate && a.Revision == 1 && a.Attributed // one of nobody is answered 200 (rule 8)
	})
	switch {
	case f != nil:
		return f
	case q.List:
		reply(w, http.StatusOK, struct {
			counted
			Answers []told `json:"answers"`
		}{n, answers})
	case created:
		reply(w, http.StatusCreated, answers[0])
	default:
		reply(w, http.StatusOK, answers[0])
	}
	return nil
}

// unread makes the answer to what could not be read; a reader has no other
// faults than the sender's.
func (d *door) unread(err error) *refusal {
	f := fault(err)
	if f == nil {
		f = &refusal{status: http.StatusBadRequest, why: "the body could not be read"}
	}
	d.Count("order_refused", word(f.field), max(1, len(f.all)))
	return f
}

// file is POST /v1/orders.csv.
func (d *door) file(w http.ResponseWriter, r *http.Request, o shop.RequestOptions) *refusal {
	body, f := d.body(w, r, shop.MaxFile)
	if f != nil {
		return f
	}
	reports, err := shop.ReadCSV(body, o)
	if err != nil {
		return d.unread(err)
	}
	n, f := d.take(r, reports, func(shop.Report, Answer) {})
	if f == nil {
		reply(w, http.StatusOK, n)
	}
	return f
}

// hook is POST /hooks/{site}/{shop}. Who sends is proved by the signature alone,
// and of a message that is not proved nothing is used (rule 18).
func (d *door) hook(w http.ResponseWriter, r *http.Request) *refusal {
	h, known := shop.HookOf(r.PathValue("shop"))
	o, expected := d.Hooks(r.PathValue("site"), r.PathValue("shop"))
	if !known || !expected {
		return &refusal{status: http.StatusNotFound, why: "no webhook is expected here: set the shop up, then use the address you are told"}
	}
	return d.hooks.within(r.PathValue("site"), account.Network(d.Client(r)), func() (proved bool, f *refusal) { return d.message(w, r, h, o) })
}

// message takes a webhook's message, and tells whether its signature was right.
func (d *door) message(w http.ResponseWriter, r *http.Request, h shop.Hook, o shop.HookOptions) (proved bool, f *refusal) {
	body, f := d.body(w, r, MaxBody)
	if f != nil {
		return false, f
	}
	if o.Now == nil {
		o.Now = d.Now
	}
	reports, err := h.Read(r.Header.Get, body, o)
	switch {
	case errors.Is(err, shop.ErrSignature):
		d.Count("order_refused", "signature", 1)
		return false, &refusal{status: http.StatusUnauthorized, why: "the signature is not right: is the secret the one of this webhook, and the clock right?"}
	case err != nil:
		return false, d.unread(err)
	}
	n, f := d.take(r, reports, func(shop.Report, Answer) {})
	if f == nil {
		reply(w, http.StatusOK, n)
	}
	return true, f
}
