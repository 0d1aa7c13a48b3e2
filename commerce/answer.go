package commerce

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"footfall/account"
	"footfall/shop"
)

// refusal is an answer other than success. What it says is for the sender.
type refusal struct {
	status int
	why    string
	field  string   // that is wrong; "" if it is not about one
	all    []string // everything that is wrong, where that is more than one thing
	taken  int      // reports of the same request before it, which are taken
}

func again(why string) *refusal { return &refusal{status: http.StatusServiceUnavailable, why: why} }

// fault makes a refusal of what is wrong with what was sent; nil if it is not
// the sender's fault.
func fault(err error) *refusal {
	bad, ok := errors.AsType[*shop.InvalidError](err)
	if !ok {
		return nil
	}
	f := &refusal{status: http.StatusBadRequest, why: bad.Error(), field: bad.Field}
	if word(bad.Field) == "order_id" {
		f.status = http.StatusUnprocessableEntity
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range many.Unwrap() {
			f.all = append(f.all, one.Error())
		}
	}
	return f
}

// word is a field without the place it was found at: "[3].products[1].price" is
// price, "line 7, net" is net.
func word(field string) string {
	return field[max(strings.LastIndex(field, "."), strings.LastIndex(field, " "))+1:]
}

func (d *door) refuse(w http.ResponseWriter, f *refusal) {
	switch f.status {
	case http.StatusServiceUnavailable:
		account.Away(w.Header())
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="footfall"`)
	}
	reply(w, f.status, struct {
		Error  string   `json:"error"`
		Field  string   `json:"field,omitempty"`
		Errors []string `json:"errors,omitempty"`
		Taken  int      `json:"taken,omitempty"`
	}{f.why, f.field, f.all, f.taken})
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a sender that has gone needs no answer
}

// body reads a request's body.
func (d *door) body(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, *refusal) {
	// A recorder in a test has no deadline, and nothing to wait for either.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(d.BodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	_, large := errors.AsType[*http.MaxBytesError](err)
	switch {
	case large:
		return nil, &refusal{status: http.StatusRequestEntityTooLarge, why: fmt.Sprintf("the body is larger than %d MiB: split it", limit>>20)}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &refusal{status: http.StatusRequestTimeout, why: "the body took too long to arrive"}
	case err != nil:
		return nil, &refusal{status: http.StatusBadRequest, why: "the body broke off"}
	}
	return body, nil
}
