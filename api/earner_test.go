package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"footfall/account"
	"footfall/account/accounttest"
	"footfall/metric"
	"footfall/period"
)

// Ids of the affiliates: anna and ben are in one programme, carl in another.
const anna, ben, carl = "01anna", "theirs01", "theirs02"

// rows are what there is of an affiliate.
type rows struct {
	Is        Affiliate
	Orders    []Order
	Decisions []Decision
	Ledger    []Entry
	Payouts   []Payout
}

// fill gives each field its own word, number or year.
func fill(v reflect.Value, word string, n *int64, year int) {
	*n++
	switch x := v.Addr().Interface().(type) {
	case *string:
		*x = fmt.Sprint(word, *n)
	case *time.Time:
		*x = time.Date(year, 1, 1, 0, 0, int(*n%50), 0, time.UTC)
	case *int64:
		*x = *n
	case *int:
		*x = int(*n)
	case *bool:
		*x = true
	default:
		if v.Kind() == reflect.Slice {
			v.Set(reflect.MakeSlice(v.Type(), 3, 3))
			for i := range v.Len() {
				fill(v.Index(i), word, n, year)
			}
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), word, n, year)
		}
	}
}

// partners are affiliates that remember of whom they were asked.
type partners struct {
	mu    sync.Mutex
	of    map[string]*rows
	asked []string
	fails error
}

func newPartners() *partners {
	p := &partners{of: map[string]*rows{}}
	for id, x := range map[string]struct {
		word  string
		first int64
		year  int
	}{anna: {"mine", 1_230_000, 2024}, ben: {"theirs", 9_870_000, 2031}, carl: {"theirs", 9_870_000, 2031}} {
		p.of[id] = &rows{}
		fill(reflect.ValueOf(p.of[id]).Elem(), x.word, &x.first, x.year)
		p.of[id].Is.ID = id
	}
	return p
}

func (p *partners) find(id string) (*rows, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, id)
	if p.of[id] == nil {
		return &rows{}, account.ErrNotFound
	}
	return p.of[id], p.fails
}

func behind[T any](all []T, after string, limit int, id func(T) string) ([]T, error) {
	if after != "" {
		at := slices.IndexFunc(all, func(x T) bool { return id(x) == after })
		if at < 0 {
			return nil, fmt.Errorf("%q: %w", after, account.ErrNotFound)
		}
		all = all[at+1:]
	}
	return all[:min(limit, len(all))], nil
}

func (p *partners) Affiliate(_ context.Context, id string, _ period.Window) (Affiliate, error) {
	x, err := p.find(id)
	return x.Is, err
}

func (p *partners) Orders(_ context.Context, id, after string, limit int) ([]Order, error) {
	x, err := p.find(id)
	if err != nil {
		return nil, err
	}
	return behind(x.Orders, after, limit, func(o Order) string { return o.ID })
}

func (p *partners) Decision(_ context.Context, id, order string) (Decision, error) {
	x, err := p.find(id)
	if at := slices.IndexFunc(x.Orders, func(o Order) bool { return o.ID == order }); err == nil && at >= 0 {
		return x.Decisions[at%len(x.Decisions)], nil
	}
	return Decision{}, account.ErrNotFound
}

func (p *partners) Ledger(_ context.Context, id, after string, limit int) ([]Entry, error) {
	x, err := p.find(id)
	if err != nil {
		return nil, err
	}
	return behind(x.Ledger, after, limit, func(e Entry) string { return e.ID })
}

func (p *partners) Payouts(_ context.Context, id string) ([]Payout, error) {
	x, err := p.find(id)
	return x.Payouts, err
}

// programme is a server with a programme of two sites and one of a third.
type programme struct {
	fixture
	partners *partners
	keys     map[string]string
}

func startProgramme(t *testing.T) programme {
	t.Helper()
	var m accounttest.Memory
	p := programme{fixture{source: &counting{}, memory: &m}, newPartners(), map[string]string{}}
	for _, domain := range []string{"a.example", "b.example", "other.example"} {
		if _, err := m.AddSite(t.Context(), account.Site{Domain: domain, Currency: "EUR", Zone: "Europe/Berlin"}); err != nil {
			t.Fatal(err)
		}
	}
	key := func(name, site string, scopes ...account.Scope) {
		token, _, err := m.AddKey(t.Context(), account.Key{Site: site, Scopes: scopes})
		if err != nil {
			t.Fatal(err)
		}
		p.keys[name] = token
	}
	key("anna", "", account.OfAffiliate+anna)
	key("anna of a site", "a-example", account.OfAffiliate+anna)
	key("anna who reads", "", account.OfAffiliate+anna, account.Read)
	key("two who read", "", account.OfAffiliate+anna, account.OfAffiliate+ben, account.Read)
	key("read", "", account.Read)
	key("admin", "", account.Everything)
	key("admin of a site", "a-example", account.Everything)
	key("admin of the other", "other-example", account.Everything)
	p.keys["embed"] = account.EmbedPrefix + "x"
	p.keys["embed of anna"] = account.EmbedPrefix + "anna"
	p.Server = httptest.NewServer(New(p.source, &m, &m, Options{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }, Affiliates: p.partners,
		Affiliate: func(id string) (metric.Affiliate, []string, bool) {
			sites := map[string][]string{anna: {"a-example", "b-example"}, ben: {"a-example", "b-example"}, carl: {"other-example"}}[id]
			return metric.Affiliate{ID: id}, sites, sites != nil
		},
		Embed: func(_ context.Context, token string) (account.Embed, error) {
			e := account.Embed{Site: "a-example", Metrics: []string{"Clicks", "Visitors"}}
			if strings.HasSuffix(token, "anna") {
				e.Affiliate = anna
			}
			return e, nil
		}}))
	t.Cleanup(p.Close)
	return p
}

// everything of an affiliate.
const everything = `__typename id name status programme terms asOf
	balances { pending held available inPayout paid earned reversed unit }
	links { code kind url landing clicks }
	orders { id number site time confirmed net commission unit states lines { product name quantity net } decision { rule time explain { kind id own time kept reason } } }
	ledger { id kind state reason order number product amount unit occurred available payout }
	payouts { id state amount unit entries reference why created changed }`

// bodies are the spellings of a question for an affiliate: a GraphQL argument
// list, which may be empty, and its id as JSON.
func bodies(args, id string) (all []string) {
	body := func(query, operation string, variables string) {
		text, _ := json.Marshal(query)
		all = append(all, fmt.Sprintf(`{"query":%s,"operationName":%q,"variables":%s}`, text, operation, variables))
	}
	own := "mine: affiliate { " + everything + " } "
	for _, query := range []string{
		"{ affiliate" + args + " { " + everything + " } }",
		"{ " + own + "theirs: affiliate" + args + " { " + everything + " } }",
		"{ affiliate { " + everything + " } affiliate" + args + " { name } }",
		"query { ...q } fragment q on Query { a: affiliate" + args + " { ...all } b: affiliate { ...all } } fragment all on Affiliate { " + everything + " }",
		"{ ... on Query @include(if: true) { affiliate" + args + " @skip(if: false) { ... on Affiliate { " + everything + " } } } }",
		"{ __schema { types { name fields { name args { name defaultValue } } } } affiliate" + args + " { " + everything + " } }",
		"{ __type(name: \"Affiliate\") { fields { name description } } x: affiliate" + args + " { ledger { id } payouts { id } } }",
		"{ getAnalyticsData(metricType: Clicks, timeWindow: Last7Days) { dataset { series } } affiliate" + args + " { " + everything + " } }",
	} {
		body(query, "", "null")
	}
	body("query a { affiliate"+args+" { "+everything+" } } query b { affiliate { id } }", "a", "{}")
	body("query a { affiliate"+args+" { "+everything+" } } query b { affiliate { id } }", "b", "{}")
	body("query($id: ID) { affiliate(id: $id) { "+everything+" } }", "", `{"id":`+id+`}`)
	body("query($id: ID!) { affiliate(id: $id) { "+everything+" } }", "", `{"id":`+id+`,"affiliate":`+id+`}`)
	body("query($id: ID = "+id+") { "+own+" affiliate(id: $id) { "+everything+" } }", "", `{}`)
	for _, list := range []string{"links", "orders", "ledger", "payouts"} {
		field := map[string]string{"links": "code"}[list]
		if field == "" {
			field = "id"
		}
		body("query($after: ID) { affiliate"+args+" { "+list+"(first: 100, after: $after) { "+field+" } } }", "", `{"after":`+id+`}`)
		body("{ affiliate { "+list+"(after: "+id+") { "+field+" } } }", "", `{}`)
	}
	return append(all, "["+all[0]+","+all[1]+"]", "["+strings.Join(all, ",")+"]")
}

// walk asks everything about an id with a key, and gives the answers.
func (p programme) walk(t *testing.T, key, id string) (answers []string) {
	t.Helper()
	text, _ := json.Marshal(id)
	for _, args := range []string{"(id: " + string(text) + ")", ""} {
		for _, body := range bodies(args, string(text)) {
			_, answer, _ := p.do(t, "POST", "/graphql", p.keys[key], body)
			answers = append(answers, answer)
			var q struct {
				Query, OperationName string
				Variables            json.RawMessage
			}
			if json.Unmarshal([]byte(body), &q) == nil {
				_, answer, _ := p.do(t, "GET", "/graphql?"+url.Values{"query": {q.Query}, "operationName": {q.OperationName}, "variables": {string(q.Variables)}, "id": {id}, "affiliate": {id}}.Encode(), p.keys[key], "")
				answers = append(answers, answer)
			}
		}
	}
	return answers
}

// alien finds what is of ben or carl in an answer: a word, a number or a year.
// The names that questions give their fields are none.
func alien(answer string) string {
	answer = strings.ReplaceAll(answer, `"theirs"`, "")
	for _, word := range []string{"theirs", "9870", "98700", "2031"} {
		if strings.Contains(answer, word) {
			return word
		}
	}
	return ""
}

// TestAffiliateReadsItsOwnOnly, rule 17: whatever an affiliate's key asks, by
// whatever spelling, it is told of itself or nothing.
func TestAffiliateReadsItsOwnOnly(t *testing.T) {
	p := startProgramme(t)
	ids := []string{anna, ben, carl, "", "*", strings.ToUpper(ben), anna + "," + ben, ben + "\x00", p.partners.of[ben].Orders[0].ID, p.partners.of[ben].Ledger[1].ID, p.partners.of[ben].Payouts[0].ID, p.partners.of[ben].Is.Links[0].Code}
	told := 0
	for key, ids := range map[string][]string{"anna": ids, "anna who reads": {ben}} {
		for _, id := range ids {
			for _, answer := range p.walk(t, key, id) {
				if word := alien(answer); word != "" {
					t.Errorf("%s asked for %q and got %s: %.300s", key, id, word, answer)
				}
				if strings.Contains(answer, "mine") {
					told++
				}
			}
		}
	}
	for _, key := range []string{"anna of a site", "two who read", "read", "admin of a site", "admin of the other", "embed", "embed of anna"} {
		for _, id := range []string{anna, ben} {
			for _, answer := range p.walk(t, key, id) {
				if alien(answer) != "" || strings.Contains(answer, "mine1") {
					t.Errorf("%s asked for %q: %.300s", key, id, answer)
				}
			}
		}
	}
	if i := slices.IndexFunc(p.partners.asked, func(id string) bool { return id != anna }); i >= 0 || told < 200 {
		t.Errorf("asked of %d times, one of another: %v; %d answers told something", len(p.partners.asked), i >= 0, told)
	}
	if seen := strings.Join(p.walk(t, "admin", ben), ""); alien(seen) == "" {
		t.Error("this test would not see ben's words")
	}
}

// TestWhoMayAskForAnAffiliate: the code of each refusal.
func TestWhoMayAskForAnAffiliate(t *testing.T) {
	p := startProgramme(t)
	for _, x := range []struct{ key, args, want string }{
		{"anna", "", `{"data":{"affiliate":{"id":"01anna"}}}`}, {"anna", `(id: "01anna")`, `"01anna"`}, {"anna", `(id: null)`, `"01anna"`},
		{"anna", `(id: "theirs01")`, "FORBIDDEN"}, {"anna", `(id: "unknown")`, "FORBIDDEN"}, {"anna who reads", "", `"01anna"`}, {"anna who reads", `(id: "theirs01")`, "FORBIDDEN"},
		{"anna of a site", "", "FORBIDDEN"}, {"two who read", `(id: "01anna")`, "FORBIDDEN"}, {"read", "", "FORBIDDEN"}, {"read", `(id: "01anna")`, "FORBIDDEN"},
		{"admin", `(id: "01anna")`, `"01anna"`}, {"admin", `(id: "theirs02")`, `"theirs02"`}, {"admin", "", "BAD_QUERY"}, {"admin", `(id: "unknown")`, "FORBIDDEN"},
		{"admin of a site", `(id: "01anna")`, "FORBIDDEN"}, {"admin of the other", `(id: "theirs02")`, `"theirs02"`}, {"admin of the other", `(id: "01anna")`, "FORBIDDEN"},
		{"embed", "", "FORBIDDEN"}, {"embed of anna", "", "FORBIDDEN"}, {"embed of anna", `(id: "01anna")`, "FORBIDDEN"},
	} {
		if got := p.graphql(t, p.keys[x.key], "{ affiliate"+x.args+" { id } }"); !strings.Contains(got, x.want) {
			t.Errorf("%s, affiliate%s: %s, want %s", x.key, x.args, got, x.want)
		}
	}
	p.partners.fails = io.ErrUnexpectedEOF
	if got := p.graphql(t, p.keys["anna"], "{ affiliate { id } }"); !strings.Contains(got, "UNAVAILABLE") || strings.Contains(got, "EOF") {
		t.Errorf("a ledger that fails: %s", got)
	}
	if got := start(t); !strings.Contains(got.graphql(t, got.all, "{ affiliate { id } }"), "FORBIDDEN") {
		t.Error("a server without affiliates has one")
	}
}

// TestCostOfAffiliates: what is deep, wide or long is refused, and little is
// read for it.
func TestCostOfAffiliates(t *testing.T) {
	p := startProgramme(t)
	own := p.partners.of[anna]
	for i := range 150 {
		own.Orders = append(own.Orders, Order{ID: fmt.Sprint("o", i), Lines: make([]Line, 3), Currency: "EUR"})
	}
	aliases := func(n int, field string) (text string) {
		for i := range n {
			text += fmt.Sprintf(" a%d: %s", i, field)
		}
		return text
	}
	for _, x := range []struct {
		query, want string
		most        int // questions to the ledger
	}{
		{"{ affiliate { orders(first: 100) { id lines { net } } } }", `"quantity"|"net"`, 2},
		{"{ affiliate { orders(first: 101) { id } } }", "first must be 1 to 100", 1}, {"{ affiliate { payouts(first: 0) { id } } }", "first must be 1 to 100", 1}, {"{ affiliate { links(first: -1) { code } } }", "first must be", 1},
		{"{ affiliate { " + aliases(4, "orders(first: 100) { id }") + " ledger(first: 80) { id } } }", `"o90"`, 6},
		{"{ affiliate { " + aliases(5, "orders(first: 100) { id }") + " } }", "500 rows", 5},
		{"{ affiliate { orders(first: 100) { id lines { net } more: lines { net } } } }", "500 rows", 2},
		{"{ affiliate { orders(first: 100) { " + aliases(10, "decision { rule }") + " } } }", "500 rows", 400},
		{"{ " + aliases(40, "affiliate { id }") + " }", "500 rows", 25},
		{"{ affiliate { " + aliases(40, "links(first: 1) { code }") + " } }", "500 rows", 25},
		{"{ " + aliases(50, "affiliate { ...f }") + " } fragment f on Affiliate { " + aliases(40, "links(first: 1) { code }") + " }", "500 rows|selections", 25},
		{"{ " + aliases(150, "affiliate { id }") + " }", "selections", 0},
		{"{ __schema { types " + strings.Repeat("{ fields { type ", 8) + "{ name }" + strings.Repeat(" } }", 8) + " } affiliate { id } }", "depth", 0},
		{"{ affiliate { ...a } } fragment a on Affiliate { ...b } fragment b on Affiliate { ...a }", "itself", 0},
	} {
		p.partners.asked = nil
		got := p.graphql(t, p.keys["anna"], x.query)
		if !slices.ContainsFunc(strings.Split(x.want, "|"), func(want string) bool { return strings.Contains(got, want) }) || len(p.partners.asked) > x.most {
			t.Errorf("%.90s: asked %d times, %.300s", x.query, len(p.partners.asked), got)
		}
		if strings.Contains(x.want, "500 rows") && !strings.Contains(got, `"data":{`) && !strings.Contains(got, `"data":null`) {
			t.Errorf("%.90s: %.300s", x.query, got)
		}
	}
}

// TestPagesOfAffiliates: pages put together are the whole list, each row once.
func TestPagesOfAffiliates(t *testing.T) {
	p := startProgramme(t)
	own := p.partners.of[anna]
	for i := range 40 {
		id := fmt.Sprint("more", i)
		own.Orders, own.Ledger = append(own.Orders, Order{ID: id}), append(own.Ledger, Entry{ID: id})
		own.Payouts, own.Is.Links = append(own.Payouts, Payout{ID: id}), append(own.Is.Links, Link{Code: id})
	}
	for list, field := range map[string]string{"orders": "id", "ledger": "id", "payouts": "id", "links": "code"} {
		for _, first := range []int{1, 7, 43, 100} {
			var all []string
			for after := "null"; ; {
				var out struct {
					Data struct {
						Affiliate map[string][]map[string]string
					}
				}
				got := p.graphql(t, p.keys["anna"], fmt.Sprintf("{ affiliate { %s(first: %d, after: %s) { %s } } }", list, first, after, field))
				if err := json.Unmarshal([]byte(got), &out); err != nil || strings.Contains(got, "errors") {
					t.Fatalf("%s: %v", got, err)
				}
				some := out.Data.Affiliate[list]
				for _, row := range some {
					all = append(all, row[field])
				}
				if len(some) < first || len(all) > 100 {
					break
				}
				after = fmt.Sprintf("%q", all[len(all)-1])
			}
			if unique := slices.Compact(slices.Sorted(slices.Values(all))); len(all) != 43 || len(unique) != 43 || all[3] != "more0" {
				t.Errorf("%s by %d: %d rows, %d of them different", list, first, len(all), len(unique))
			}
		}
	}
}

// TestAffiliatesMoney: amounts are spelled digit by digit, with all decimals of
// their currency.
func TestAffiliatesMoney(t *testing.T) {
	p := startProgramme(t)
	own := p.partners.of[anna]
	own.Is.Balances = []Balance{{Currency: "EUR", Pending: 9007199254740993, Held: -5, Available: 1250, Earned: 10, Reversed: -123456}, {Currency: "JPY", Paid: 1250}, {Currency: "KWD", InPayout: 9007199254740993}}
	own.Ledger = []Entry{{ID: "e", Currency: "EUR", Amount: -9223372036854775808}}
	own.Orders = []Order{{ID: "o", Currency: "KWD", Net: 1, Commission: 1000, Lines: []Line{{Net: 100, Quantity: 9007199254740993}}}}
	want := `{"data":{"affiliate":{"balances":[` +
		`{"pending":90071992547409.93,"held":-0.05,"available":12.50,"inPayout":0.00,"paid":0.00,"earned":0.10,"reversed":-1234.56,"unit":"EUR"},` +
		`{"pending":0,"held":0,"available":0,"inPayout":0,"paid":1250,"earned":0,"reversed":0,"unit":"JPY"},` +
		`{"pending":0.000,"held":0.000,"available":0.000,"inPayout":9007199254740.993,"paid":0.000,"earned":0.000,"reversed":0.000,"unit":"KWD"}],` +
		`"ledger":[{"amount":-92233720368547758.08,"unit":"EUR"}],"orders":[{"net":0.001,"commission":1.000,"unit":"KWD","lines":[{"net":0.100,"quantity":9007199254740993}]}]}}}`
	got := p.graphql(t, p.keys["anna"], "{ affiliate { balances { pending held available inPayout paid earned reversed unit } ledger { amount unit } orders { net commission unit lines { net quantity } } } }")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestSiteTokenNamesNobody: a token of a whole site, which whoever sees its page can read,
// tells its figures by nothing that names an affiliate; an affiliate's tells its own.
func TestSiteTokenNamesNobody(t *testing.T) {
	p := startProgramme(t)
	for by, metric := range map[string]string{"source": "Visitors", "affiliate": "Clicks", "code": "Clicks", "sub": "Clicks", "website": "Clicks"} {
		for _, question := range []string{"by=" + by, by + "=Anna"} {
			question = "/v1/query?metric=" + metric + "&window=Last7Days&" + question
			if status, answer, _ := p.do(t, "GET", question, p.keys["embed"], ""); status != 400 || !strings.Contains(answer, "not by "+by) {
				t.Errorf("%s: %d %s", question, status, answer)
			}
			if _, answer, _ := p.do(t, "GET", question, p.keys["embed of anna"], ""); strings.Contains(answer, "not by") {
				t.Errorf("an affiliate's own, %s: %s", question, answer)
			}
		}
	}
}
