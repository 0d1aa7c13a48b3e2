package main

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/affiliate"
	"footfall/api"
	"footfall/enrich"
	"footfall/event"
	"footfall/history"
	"footfall/ledger"
	"footfall/metric"
	"footfall/segment"
)

// The real data, which lies in ../shared/data beside the checkout, each as a site and
// as the things that its raw file tells of.

// site is a site of the matrix.
type site struct {
	account.Site
	zone     *time.Location
	from, to string // the days it has, both included
	property metric.Dimension
	things   []*thing
	segments map[string][]string // who is in which
	goals    []reached
	small    bool // so that more can be asked
	ledger   map[metric.Dimension]recounted
	exposed  map[string]api.ExperimentTold // of each experiment
}

func shared(t *testing.T, name string) io.Reader {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", name))
	if err != nil && os.Getenv("CI") != "true" {
		t.Skipf("NOT CHECKED AGAINST REAL DATA: %v", err)
	}
	if err != nil {
		t.Fatalf("REAL DATA IS MISSING: %v", err)
	}
	t.Cleanup(func() { f.Close() })
	if !strings.HasSuffix(name, ".gz") {
		return f
	}
	z, err := gzip.NewReader(f)
	must(t, err)
	return z
}

// table hands over the rows of a table by the names of its columns.
func table(t *testing.T, name string, comma rune, fn func(row map[string]string)) {
	t.Helper()
	rows := csv.NewReader(shared(t, name))
	rows.Comma = comma
	head, err := rows.Read()
	must(t, err)
	for {
		fields, err := rows.Read()
		if err == io.EOF {
			return
		}
		must(t, err)
		row := map[string]string{}
		for i, field := range fields {
			row[head[i]] = field
		}
		fn(row)
	}
}

// makeSite adds a site for a data set. One with histories has none before it is rolled,
// so that nobody is moved out of the segments that the test puts them into.
func (h *home) makeSite(domain, zone, currency, from, to string, property string, history int) *site {
	h.t.Helper()
	s, err := h.sites.AddSite(h.t.Context(), account.Site{Domain: domain, Zone: zone, Currency: currency, History: history})
	must(h.t, err)
	return &site{Site: s, zone: s.Location(), from: from, to: to, property: metric.Property(property)}
}

// send publishes events in messages of some.
func (h *home) send(events []event.Event) {
	h.t.Helper()
	for part := range slices.Chunk(events, 5000) {
		must(h.t, h.queue.Publish(h.t.Context(), part...))
	}
}

var (
	combined = regexp.MustCompile(`^(\S+) \S+ \S+ \[([^\]]+)\] "GET (.*?)(?: HTTP/\d\.\d)?" (\d{3}) (?:\d+|-) "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)" *$`)
	isBot    = regexp.MustCompile(`(?i)bot|crawl|spider|slurp`)
	pageLine = regexp.MustCompile(`(?i)(^|/)([^./]*|.*\.(html|htm|shtml|php|asp|aspx|jsp|cgi|pl))$`)
	fileLine = regexp.MustCompile(`(?i)\.(gz|tgz|zip|tar|bz2|xz|7z|rar|exe|msi|dmg|pdf|ps|doc|xls|ppt|mpg|mpeg|avi|mov|mp3|mp4|wav|pcap|iso|deb|rpm|jar)$`)
)

// accessLog imports the log by the command, and reads it itself. What browsers and
// referrers are called is the enricher's to say, whose tests have tables of their own.
func (h *home) accessLog() *site {
	s := h.makeSite("www.semicomplete.com", "UTC", "USD", "2015-05-17", "2015-05-20", "missing", 0)
	s.small = true
	for name, is := range map[string][]string{"Blog": {"--page", "/blog/*", "--value", "2.5"}, "File": {"--event", event.Download}} {
		if fault, code := h.typed(nil, append([]string{"goal", "add", name, "--site", s.ID}, is...)...); code != 0 {
			h.t.Fatal(fault)
		}
	}
	s.goals = []reached{{"Blog", 2500, func(t *thing) bool { return t.view && strings.HasPrefix(t.of["page"], "/blog/") }}, {"File", 0, func(t *thing) bool { return t.download }}}
	path, err := filepath.Abs(filepath.Join("..", "..", "..", "shared", "data", "accesslog-combined", "access.log.gz"))
	must(h.t, err)
	lines := bufio.NewScanner(shared(h.t, "accesslog-combined/access.log.gz"))
	if fault, code := h.typed(nil, "import", "--site", s.ID, "--bots", "words", path); code != 0 {
		h.t.Fatal(fault)
	}
	labels := (&control{h: h.house}).importEnricher("words")
	for lines.Scan() {
		m := combined.FindStringSubmatch(lines.Text())
		if m == nil || isBot.MatchString(m[6]) {
			continue
		}
		at, err := time.Parse("02/Jan/2006:15:04:05 -0700", m[2])
		must(h.t, err)
		target, search, _ := strings.Cut(strings.ReplaceAll(m[3], "#", "?"), "?")
		t := &thing{at: at, who: m[1] + " " + m[6], of: map[metric.Dimension]string{"page": target, "host": s.Domain, "channel": "import"}}
		last := target[strings.LastIndexByte(target, '/')+1:]
		t.view = (m[4][0] == '2' || m[4] == "304") && pageLine.MatchString(last)
		t.download = (m[4] == "200" || m[4] == "206") && fileLine.MatchString(last)
		if t.download {
			t.of["event"] = event.Download
		} else if !t.view {
			continue
		}
		label(labels, t, s, m, search)
		s.things = append(s.things, t)
	}
	return s
}

// label asks what the browser and the referrer of a line are called.
func label(labels *enrich.Enricher, t *thing, s *site, m []string, search string) {
	e := event.Event{Site: s.ID, Kind: event.Page, Host: s.Domain, Time: t.at, Original: t.at, Search: search, Channel: "import"}
	from := enrich.Sender{Host: m[1], UserAgent: m[6], Referrer: strings.TrimPrefix(m[5], "-"), Salt: []byte("salt"), URL: "https://" + s.Domain + "/" + strings.TrimPrefix(t.of["page"], "/") + "?" + search}
	if ip, err := netip.ParseAddr(m[1]); err == nil {
		from.IP = ip
	}
	if m[5] != "-" {
		from.Referrer = m[5]
	}
	labels.Enrich(&e, from)
	maps.Copy(t.of, map[metric.Dimension]string{"source": e.Source, "class": e.Class, "referrer": e.Referrer, "country": e.Country, "device": e.Device, "browser": e.Browser, "os": e.OS,
		"utm_source": e.Campaign.Source, "utm_medium": e.Campaign.Medium, "utm_campaign": e.Campaign.Name, "utm_term": e.Campaign.Term, "utm_content": e.Campaign.Content,
		"browser_version": e.BrowserVersion, "os_version": e.OSVersion, "region": e.Region, "city": e.City, "language": e.Language, "screen": e.Screen})
}

// clickStream makes a view of its product of each row, and a page view of April's.
func (h *home) clickStream() *site {
	s := h.makeSite("clothes.example", "Europe/Warsaw", "USD", "2008-04-01", "2008-06-30", "colour", 0)
	var events []event.Event
	table(h.t, "shop-clickstream/clicks.csv.gz", ';', func(row map[string]string) {
		day, err := time.ParseInLocation("2006-1-2", row["year"]+"-"+row["month"]+"-"+row["day"], s.zone)
		click, wrong := strconv.Atoi(row["order"])
		session, bad := strconv.ParseUint(row["session ID"], 10, 64)
		if err != nil || wrong != nil || bad != nil {
			h.t.Fatal(row)
		}
		// The data has no time of day.
		at, product, category := day.Add(time.Duration(session%86400)*time.Second/2+time.Duration(click)*7*time.Second), row["page 2 (clothing model)"], row["page 1 (main category)"]
		of := map[metric.Dimension]string{"page": "/" + category, "title": "Page " + row["page"], "country": row["country"], "screen": row["location"]}
		view := &thing{at: at, who: row["session ID"], view: true, of: of}
		look := &thing{at: at, who: row["session ID"], trade: "Product Viewed", of: maps.Clone(of), lines: []lineSold{{product, category, 0}}}
		look.of["event"], look.of[s.property] = "Product Viewed", row["colour"]
		if s.things = append(s.things, look); row["month"] == "4" { // some, as sessions are dear to count
			s.things = append(s.things, view)
		}
		e := event.Event{ID: row["session ID"] + "-" + row["order"], Site: s.ID, Kind: event.Page, Time: at, Original: at, Received: at, Visitor: session, Path: "/" + category, Title: of["title"], Country: row["country"]}
		e.Screen = row["location"]
		seen := e
		seen.ID, seen.Kind, seen.Name = e.ID+"p", event.Track, "Product Viewed"
		seen.Properties = fmt.Sprintf(`{"product_id":%q,"category":%q,"price":%s,"colour":%s}`, product, category, row["price"], row["colour"])
		if events = append(events, seen); row["month"] == "4" {
			events = append(events, e)
		}
	})
	h.send(events)
	return s
}

// invoice is an order or a refund note of a shop.
type invoice struct {
	*thing
	id, customer string
	sum          int64 // thousandths; below zero of a refund note
	products     []string
}

// invoices reads the shop's orders: each with a sale, and each refund note.
func invoices(t *testing.T, zone *time.Location) (all []*invoice) {
	begun, known := map[string]time.Time{}, map[string]*invoice{}
	table(t, "shop-orders/order-lines.csv.gz", ',', func(row map[string]string) {
		id := row["InvoiceNo"]
		quantity, err := strconv.ParseInt(row["Quantity"], 10, 64)
		must(t, err)
		price, ok := new(big.Rat).SetString(row["UnitPrice"])
		at, err := time.ParseInLocation(time.DateTime, row["InvoiceDate"], zone)
		if must(t, err); begun[id].IsZero() {
			begun[id] = at
		}
		sale, note := strings.Trim(id, "0123456789") == "" && quantity > 0, strings.HasPrefix(id, "C") && quantity < 0
		if !ok || price.Sign() <= 0 || !sale && !note {
			return
		}
		in := known[id]
		if in == nil {
			in = &invoice{thing: &thing{at: begun[id], who: row["CustomerID"], known: row["CustomerID"], trade: "Order Completed", of: map[metric.Dimension]string{"country": row["Country"]}}, id: id, customer: row["CustomerID"]}
			if note {
				in.trade = "Order Refunded"
			}
			in.of["event"] = in.trade
			known[id], all = in, append(all, in)
		}
		thousandths := price.Mul(price, big.NewRat(1000, 1)).Num().Int64() // there are three decimals at most
		in.sum += quantity * thousandths
		in.amount += max(quantity, -quantity) * thousandths
		in.lines = append(in.lines, lineSold{product: row["StockCode"], amount: max(quantity, -quantity) * thousandths})
		in.products = append(in.products, fmt.Sprintf(`{"sku":%q,"price":%s,"quantity":%d}`, row["StockCode"], row["UnitPrice"], max(quantity, -quantity)))
	})
	return all
}

// shopOrders makes an event of each invoice. Customers are in segments by their
// numbers.
func (h *home) shopOrders(all []*invoice) *site {
	s := h.makeSite("gifts.example", "Europe/London", "GBP", "2010-12-01", "2011-06-30", "size", 24)
	s.segments = map[string][]string{}
	var events []event.Event
	for _, in := range all {
		in.of[s.property] = fmt.Sprint(len(in.lines))
		s.things = append(s.things, in.thing)
		visitor, _ := strconv.ParseUint(in.customer, 10, 64) // of who has no number, unknown
		e := event.Event{ID: in.id, Site: s.ID, Kind: event.Track, Name: in.trade, Time: in.at, Original: in.at, Received: in.at, UserID: in.customer, Visitor: visitor, Country: in.of["country"],
			Properties: fmt.Sprintf(`{"order_id":%q,"currency":"GBP","size":%d,"revenue":%s,"products":[%s]}`, in.id, len(in.lines), big.NewRat(in.amount, 1000).FloatString(3), strings.Join(in.products, ","))}
		events = append(events, e)
		var in3 []string
		for n, name := range map[uint64]string{3: "thirds", 5: "fifths"} {
			if visitor > 0 && visitor%n == 0 {
				in3 = append(in3, name)
			}
		}
		s.segments[in.customer] = in3
	}
	h.send(events)
	h.segmented(s)
	return s
}

// segmented puts the site's customers into their segments.
func (h *home) segmented(s *site) {
	for _, name := range []string{"thirds", "fifths"} {
		_, err := h.house.segments.put(h.t.Context(), s.ID, parsed(h.t, `{"name":"`+name+`","when":{"orders":{"at_least":1}}}`))
		must(h.t, err)
	}
	var moves []history.Move
	for customer, in := range s.segments {
		move := history.Move{Visitor: customer}
		for _, name := range in {
			move.In = append(move.In, history.Member{Segment: name, Version: 1, Since: time.Now()})
		}
		moves = append(moves, move)
	}
	must(h.t, h.histories.Move(h.t.Context(), s.ID, moves...))
}

// parsed is a definition of a segment.
func parsed(t *testing.T, text string) []segment.Definition {
	t.Helper()
	all, err := parseSegments([]byte(text))
	must(t, err)
	return all
}

// overlay makes the same invoices orders of a programme with seven affiliates, as
// truth.json has it: 8 % of what has a customer, whose number says whose it is. A
// refund note is a credit note: an order below zero.
func (h *home) overlay(all []*invoice) *site {
	s := h.makeSite("overlay.example", "UTC", "GBP", "2010-12-01", "2011-06-30", "coupon", 0)
	p := affiliate.Usual()
	p.Name, p.Sites, p.TrustEvents = "Gifts", []string{s.ID}, true
	p, err := h.desk.PutProgram(h.t.Context(), p)
	must(h.t, err)
	_, err = h.desk.AddRule(h.t.Context(), ledger.Rule{Program: p.ID, Kind: ledger.Percent, Rate: 80_000})
	must(h.t, err)
	ids := map[string]string{}
	for i := range 7 {
		name := fmt.Sprintf("AFF%d", i)
		a, err := h.desk.Join(h.t.Context(), ledger.Affiliate{Program: p.ID, Name: name, Email: name + "@example.com", Status: ledger.Active})
		must(h.t, err)
		_, err = h.desk.AddCode(h.t.Context(), ledger.Code{Text: name, Affiliate: a.ID, Kind: ledger.CouponCode})
		must(h.t, err)
		ids[name] = a.ID
	}
	s.ledger = map[metric.Dimension]recounted{}
	var events []event.Event
	for _, in := range all {
		if in.customer == "" {
			continue
		}
		number, err := strconv.Atoi(in.customer)
		must(h.t, err)
		name := fmt.Sprintf("AFF%d", number%7)
		at := time.Date(in.at.Year(), in.at.Month(), in.at.Day(), 12, 0, 0, 0, time.UTC)
		events = append(events, event.Event{ID: in.id, Site: s.ID, Kind: event.Track, Name: "Order Completed", Time: at, Original: at, Received: at, UserID: in.customer,
			Properties: fmt.Sprintf(`{"order_id":%q,"revenue":%s,"currency":"GBP","coupon":%q}`, in.id, big.NewRat(in.sum, 1000).FloatString(3), name)})
		earned := map[metric.Name]int64{metric.Conversions: 1, metric.Sales: 10 * rounded(in.sum, 10), metric.Commissions: 10 * rounded(8*in.sum, 1000)}
		earned[metric.CommissionsAvailable] = earned[metric.Commissions] // the hold is over for years, and nothing is paid
		s.earn(map[metric.Dimension]string{"": "", "affiliate": ids[name], "code": "", "sub": "", "coupon": name, "website": s.Domain, "product": ""}, earned)
	}
	for part := range slices.Chunk(events, 500) {
		must(h.t, h.desk.Write(h.t.Context(), part, event.Position{}))
	}
	return s
}

// earn adds what an order brought, to its value of each dimension.
func (s *site) earn(of map[metric.Dimension]string, earned map[metric.Name]int64) {
	for d, value := range of {
		if s.ledger[d] == nil {
			s.ledger[d] = recounted{}
		}
		if s.ledger[d][value] == nil {
			s.ledger[d][value] = map[metric.Name]int64{}
		}
		for m, n := range earned {
			s.ledger[d][value][m] += n
		}
	}
}

// rounded is n / by, half away from zero.
func rounded(n, by int64) int64 {
	if n < 0 {
		return -rounded(-n, by)
	}
	return (n + by/2) / by
}

// truthOf reads what truth.json says.
func truthOf(t *testing.T, set string, into any) {
	t.Helper()
	must(t, json.NewDecoder(shared(t, set+"/truth.json")).Decode(into))
}
