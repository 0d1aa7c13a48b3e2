package shop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"footfall/ledger"
)

// MaxReports is how many orders or refunds a request may have.
const MaxReports = 500

// RequestOptions is what a request or a file does not say itself.
type RequestOptions struct {
	Site     string
	Currency string    // of the site, for orders that name none
	Now      time.Time // when it was said, where it does not say
}

// Request is what a request of the API tells.
type Request struct {
	Reports []Report
	List    bool // it came as a list
}

// ReadOrders reads the body of a request that tells of orders: a JSON object or
// a list of at most MaxReports, in the words of Order Completed with time,
// store, email, user_id, anonymous_id, click_id and each product's net beside
// them. What is wrong is an InvalidError; in a list its field begins with the
// place, from 0: "[2].time".
func ReadOrders(body []byte, o RequestOptions) (Request, error) {
	return read(body, o, json.Unmarshal, (*form).orderReport)
}

// ReadRefunds is ReadOrders of refunds, in the words of Order Refunded. A field
// that it does not know is refused: a refund without an amount is a full one, and
// an amount by another name must not make it that.
func ReadRefunds(body []byte, o RequestOptions) (Request, error) {
	return read(body, o, strictly, (*form).refundReport)
}

// strictly is json.Unmarshal that refuses fields it does not know.
func strictly(text []byte, into any) error {
	if !json.Valid(text) {
		return json.Unmarshal(text, into) // for its error
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

func read(body []byte, o RequestOptions, decode func([]byte, any) error, report func(*form, string, RequestOptions) (Report, error)) (q Request, err error) {
	var forms []form
	if body = bytes.TrimSpace(body); len(body) > 0 && body[0] == '[' {
		q.List = true
		err = decode(body, &forms)
	} else {
		forms = make([]form, 1)
		err = decode(body, &forms[0])
	}
	var unknown string
	if err != nil {
		unknown, _ = strings.CutPrefix(err.Error(), "json: unknown field ")
	}
	switch {
	case err != nil && unknown != err.Error():
		return q, Invalid(strings.Trim(unknown, `"`), "is no field of a refund: its amount is revenue, total or products; docs/affiliates-orders.md lists all")
	case err != nil:
		return q, Invalid("body", "is no JSON object or list of such objects: %v", err)
	case len(forms) > MaxReports:
		return q, Invalid("body", "has %d items, %d are the most: send the others in a request of their own", len(forms), MaxReports)
	}
	for i := range forms {
		r, err := report(&forms[i], FromAPI, o)
		if err != nil {
			return q, placed(err, q.List, i)
		}
		q.Reports = append(q.Reports, r)
	}
	return q, nil
}

// placed says in which item of a list something is wrong.
func placed(err error, list bool, at int) error {
	if bad, ok := err.(*InvalidError); ok && list {
		return &InvalidError{fmt.Sprintf("[%d].%s", at, bad.Field), bad.Why}
	}
	return err
}

func (f *form) orderReport(from string, o RequestOptions) (Report, error) {
	r, err := f.report(from, o)
	if err == nil {
		r.Order, err = f.order(o.Currency)
	}
	if err == nil {
		err = r.Check()
	}
	return r, err
}

func (f *form) refundReport(from string, o RequestOptions) (Report, error) {
	r, err := f.report(from, o)
	if err == nil {
		r.Refund, err = f.refund(o.Currency)
	}
	if err == nil && f.Currency == "" {
		r.Refund.Currency = "" // the order's
	}
	if err == nil {
		err = r.Check()
	}
	return r, err
}

// report is a form without its amounts. It is verified: who may send it has a key.
func (f *form) report(from string, o RequestOptions) (Report, error) {
	var p purse
	r := Report{Site: o.Site, Store: string(f.Store), Number: first(f.Number, f.Number1), From: from, Verified: true,
		Time: p.moment("time", f.Time), Said: p.moment("updated_at", f.Updated),
		Email: first(f.Email, f.Customer), User: string(f.User), Anonymous: string(f.Anonymous), Click: first(f.Click, f.ClickID)}
	if r.Said.IsZero() {
		r.Said, r.Unsaid = o.Now.UTC(), true
	}
	if r.Number == "" {
		return r, errNumber
	}
	return r, p.fault
}

// names makes names of an order, leaving out what is not said.
func names(kindsAndValues ...word) (all []ledger.Name) {
	for i := 0; i < len(kindsAndValues); i += 2 {
		if kindsAndValues[i+1] != "" {
			all = append(all, ledger.Name{Kind: string(kindsAndValues[i]), Value: string(kindsAndValues[i+1])})
		}
	}
	return all
}
