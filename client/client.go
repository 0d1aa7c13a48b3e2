// Package client asks a Footfall server for figures. It needs nothing but the
// standard library, so that any program can take it.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client asks one server with one key.
type Client struct {
	Address string       // such as https://stats.example.com
	Key     string       // ffk_…, of the scope read, or of what its methods need; or a token for embedding, ffe_…
	HTTP    *http.Client // nil is http.DefaultClient
}

// Query is one question: some metrics of each combination of values that some
// dimensions have. Names are in names.go; Plausible's are understood, too.
type Query struct {
	Site       string      `json:"site_id,omitempty"` // id or domain; needed if the key sees several
	Metrics    []Metric    `json:"metrics"`
	Range      Range       `json:"date_range"`
	Dimensions []Dimension `json:"dimensions,omitempty"`
	Filters    []Filter    `json:"filters,omitempty"` // all of them hold
	Order      []Order     `json:"order_by,omitempty"`
	Include    *Include    `json:"include,omitempty"`
	Page       *Page       `json:"pagination,omitempty"`
	Zone       string      `json:"timezone,omitempty"` // such as Europe/Berlin; "" is the site's
	Bots       bool        `json:"bots,omitempty"`     // count bots, too
}

// Range is a stretch of time: Named, Days or Between make one.
type Range struct{ value any }

// Named is a range by its name: "day", "7d", "30d", "month", "12mo", "all",
// "realtime", "30m" and others.
func Named(name string) Range { return Range{name} }

// Days is from one day up to and with another, both written 2024-01-31.
func Days(first, last string) Range { return Range{[2]string{first, last}} }

// Between is from one instant up to, but not including, another; both to the second.
func Between(from, to time.Time) Range {
	return Range{[2]string{from.Format(time.RFC3339), to.Add(-time.Second).Format(time.RFC3339)}}
}

// MarshalJSON spells the range.
func (r Range) MarshalJSON() ([]byte, error) { return json.Marshal(r.value) }

// UnmarshalJSON reads a range.
func (r *Range) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &r.value) }

// Filter is a condition. The functions below make one.
type Filter []any

func compare(op string, d Dimension, values []string) Filter { return Filter{op, d, values} }

// Is holds where the dimension is one of some values.
func Is(d Dimension, values ...string) Filter { return compare("is", d, values) }

// Contains holds where one of some texts is in it, whatever the case.
func Contains(d Dimension, texts ...string) Filter { return compare("contains", d, texts) }

// Matches holds where one of some regular expressions (RE2) finds something in it.
func Matches(d Dimension, patterns ...string) Filter { return compare("matches", d, patterns) }

// And holds where all do.
func And(all ...Filter) Filter { return Filter{"and", all} }

// Or holds where one does.
func Or(some ...Filter) Filter { return Filter{"or", some} }

// Not holds where the other does not.
func Not(f Filter) Filter { return Filter{"not", f} }

// HasDone holds for visitors of whom some event in the range meets the condition.
func HasDone(f Filter) Filter { return Filter{"has_done", f} }

// Order is what rows are ordered by.
type Order struct {
	By         string // a Metric or Dimension of the question
	Descending bool
}

// MarshalJSON spells the order.
func (o Order) MarshalJSON() ([]byte, error) {
	way := "asc"
	if o.Descending {
		way = "desc"
	}
	return json.Marshal([2]string{o.By, way})
}

// UnmarshalJSON reads an order.
func (o *Order) UnmarshalJSON(text []byte) error {
	var pair [2]string
	err := json.Unmarshal(text, &pair)
	o.By, o.Descending = pair[0], pair[1] == "desc"
	return err
}

// Include is what an answer has beside its rows.
type Include struct {
	TimeLabels bool   `json:"time_labels,omitempty"` // needs the time among the dimensions
	TotalRows  bool   `json:"total_rows,omitempty"`
	Compare    *Range `json:"compare,omitempty"` // Named("previous_period"), Named("year_over_year"), or one of its own
}

// Page is which rows: at most Limit behind Offset. Without it there are 10,000.
type Page struct {
	Limit  int `json:"limit,omitempty"`
	Offset int `json:"offset,omitempty"`
}

// Number is a figure as an exact decimal number; nil where there is none, as of a
// rate of nothing.
type Number = *json.Number

// Result is the answer to a question.
type Result struct {
	Rows  []Row `json:"results"`
	Meta  Meta  `json:"meta"`
	Query Query `json:"query"` // the question as the server understood it
}

// Row is the figures of one combination of dimensions.
type Row struct {
	Metrics    []Number    `json:"metrics"`    // as Query lists them
	Dimensions []string    `json:"dimensions"` // likewise; a time is a day, or below a day RFC 3339
	Partial    bool        `json:"partial"`    // the step is not over yet
	Comparison *Comparison `json:"comparison"` // nil if there is none
}

// Comparison is the same row of the range that is compared with.
type Comparison struct {
	Metrics    []Number `json:"metrics"`
	Dimensions []string `json:"dimensions"`
	Change     []Number `json:"change"` // in per cent; nil where there is nothing to compare with
}

// Meta tells how the figures came about.
type Meta struct {
	Units      map[Metric]string `json:"units"` // of metrics that have one: a currency (ISO 4217), "%" or "s"
	Source     string            `json:"source"`
	AsOf       time.Time         `json:"as_of"`    // everything received before is counted
	Sealed     time.Time         `json:"sealed"`   // when stored figures in it were brought up to date; zero without them
	Estimate   bool              `json:"estimate"` // distinct visitors are estimated, to about 1 %
	TimeLabels []string          `json:"time_labels"`
	TotalRows  int               `json:"total_rows"`
	Warnings   []string          `json:"warnings"`

	Experiments []Exposed `json:"experiments"` // those whose arms were asked for
}

// Exposed tells of an experiment whose arms were asked for.
type Exposed struct {
	Experiment string `json:"experiment"` // its id or, of one without, its name
	Units      int64  `json:"units"`      // visitors who were exposed to it, up to the end of the range
	LeftOut    int64  `json:"left_out"`   // those of them who were exposed to several arms, and are in none
}

// Error is a refusal by the server.
type Error struct {
	Status     int           // of HTTP
	Why        string        // what is wrong, and what would be right
	RetryAfter time.Duration // when to ask again; 0: not at all

	Line, Column int // of the SQL where it is wrong, from 1; 0 is nowhere in particular
}

func (e *Error) Error() string { return "footfall: " + e.Why }

// Query asks a question. What the server refuses is an *Error.
func (c Client) Query(ctx context.Context, q Query) (*Result, error) {
	return posted[Result](ctx, c, "/v1/query", q)
}

// posted posts a body and reads the answer.
func posted[T any](ctx context.Context, c Client, path string, body any) (*T, error) {
	out := new(T)
	if err := c.post(ctx, path, body, out); err != nil {
		return nil, err
	}
	return out, nil
}

// post sends a question to a path and reads the answer.
func (c Client) post(ctx context.Context, path string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("footfall: the question can't be spelled: %w", err)
	}
	return c.call(ctx, http.MethodPost, path, body, answer)
}

// call sends a body, if there is one, and reads the answer.
func (c Client) call(ctx context.Context, method, path string, body []byte, answer any) error {
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.Address, "/")+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("footfall: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := c.send(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(answer); err != nil {
		return fmt.Errorf("footfall: the answer can't be read: %w", err)
	}
	return nil
}

// Export is a question for a site's events, one by one in the order of their time.
type Export struct {
	Site     string // id or domain; needed if the key sees several
	From, To string // days, 2024-01-31, To not included; "" is no limit
	Format   string // "ndjson", also if it is "", "csv", "parquet" or "arrow"
}

// Export asks for events, which come as they are read; the reader is to be closed. It
// gives an error, not io.EOF, where the server broke off: then what was read is not
// whole. What the server refuses is an *Error.
func (c Client) Export(ctx context.Context, x Export) (io.ReadCloser, error) {
	v := url.Values{}
	for name, value := range map[string]string{"site": x.Site, "from": x.From, "to": x.To, "format": x.Format} {
		if value != "" {
			v.Set(name, value)
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.Address, "/")+"/v1/export?"+v.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("footfall: %w", err)
	}
	res, err := c.send(r)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// send sends a request with the key; an answer that is a refusal is an error.
func (c Client) send(r *http.Request) (*http.Response, error) {
	r.Header.Set("Authorization", "Bearer "+c.Key)
	by := c.HTTP
	if by == nil {
		by = http.DefaultClient
	}
	res, err := by.Do(r)
	if err != nil {
		return nil, fmt.Errorf("footfall: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		return nil, refusal(res)
	}
	return res, nil
}

// refusal reads what a server says that refuses.
func refusal(res *http.Response) error {
	var said struct {
		Error        string
		Line, Column int
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err = errors.Join(err, json.Unmarshal(text, &said)); err != nil || said.Error == "" {
		said.Error = "the server answers " + res.Status // something between, which is no Footfall
	}
	seconds, _ := strconv.Atoi(res.Header.Get("Retry-After"))
	return &Error{res.StatusCode, said.Error, time.Duration(seconds) * time.Second, said.Line, said.Column}
}
