package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"footfall/account"
	"footfall/affiliate"
	"footfall/ledger"
	"footfall/money"
)

var programCommands = []command{
	{"program set", "NAME --site S,S2 [--rate 50%] [--window DAYS] [--hold DAYS] …", "make an affiliate programme, or change the one of a site", setProgram},
	{"program list", "", "list the affiliate programmes and what they pay", listPrograms},
	{"affiliate add", "EMAIL --name N --site S [--status active|applied]", "add an affiliate", addAffiliate},
	{"affiliate list", "[--site S]", "list affiliates with their balances", listAffiliates},
	{"affiliate set", "EMAIL --site S [--status active|paused|banned] [--payout REFERENCE] [--name N] [--user ID]", "change an affiliate", setAffiliate},
	{"affiliate invite", "EMAIL --site S", "print a link with which an affiliate gets a log-in of own figures", inviteAffiliate},
	{"code add", "CODE --affiliate EMAIL --site S (--landing URL | --coupon)", "give an affiliate a link or a coupon", addCode},
	{"code list", "--affiliate EMAIL --site S", "list an affiliate's links and coupons", listCodes},
	{"code end", "CODE", "end a code now: it leads nowhere any more", endCode},
	{"rule add", "--site S (--rate 50% | --amount 5 --currency EUR --per order|unit) [--affiliate EMAIL] [--product P] …", "set what orders to come earn", addRule},
}

var programFlags = map[string][][3]string{
	"program set": {{"site", "", "sites it covers, with commas between"}, {"rate", "", "what every order earns, such as 50%; for a new programme"}, {"window", "", "days that a click counts for; 30 at first"},
		{"hold", "", "days until a commission can be paid; 30 at first"}, {"model", "", "last or first: which click of several earns"}, {"coupons", "", "first or last: whether a coupon beats a click"},
		{"bind", "", "customer: later orders go to who had the first; none"}, {"min-payout", "", "least amounts to pay out, such as 50EUR,60USD"}, {"hosts", "", "further hosts that links may lead to"}, {"banned", "", "hosts that no affiliate may send visitors from"},
		{"mail-payouts", "", "on: affiliates get an e-mail when a payout is approved, paid or failed, if the server sends mail; off"},
		{"trust-events", "", "on: order events verify themselves, as only your server has the write key; off"}},
	"affiliate add":    {{"name", "", "name"}, {"site", "", "a site of the programme"}, {"status", "active", "active, or applied: approve it later"}},
	"affiliate list":   {{"site", "", "a site of the programme; none is every programme"}},
	"affiliate set":    {{"site", "", "a site of the programme"}, {"status", "", "active, applied, paused or banned"}, {"payout", "", "where money goes: an account's name"}, {"name", "", "name"}, {"user", "", "own user id at the shop, to tell own purchases"}},
	"code add":         {{"affiliate", "", "e-mail or id"}, {"site", "", "a site of the programme"}, {"landing", "", "where the link leads"}, {"coupon", "false", "true: a discount code of the shop"}, {"from", "", "day it begins"}, {"to", "", "day after its last"}},
	"code list":        {{"affiliate", "", "e-mail or id"}, {"site", "", "a site of the programme"}},
	"affiliate invite": {{"site", "", "a site of the programme"}},
	"rule add": {{"site", "", "a site of the programme"}, {"rate", "", "per cent, such as 12.5%"}, {"amount", "", "fixed amount"}, {"per", "order", "order or unit, of a fixed amount"}, {"currency", "", "of the amount and the cap"},
		{"affiliate", "", "only for this one: e-mail or id"}, {"product", "", "only for this product"}, {"orders", "", "only a customer's first so many orders"}, {"cap", "", "most that an order earns"}, {"from", "", "day from which on it holds; now"}},
}

// programRoutes are the control door's routes of affiliate programmes.
func (k *control) programRoutes() map[string]func(http.ResponseWriter, *http.Request) error {
	return map[string]func(http.ResponseWriter, *http.Request) error{
		"POST /program/set": k.setProgram, "GET /program/list": k.listPrograms,
		"POST /affiliate/add": k.addAffiliate, "GET /affiliate/list": k.listAffiliates, "POST /affiliate/set": k.setAffiliate, "POST /affiliate/invite": k.inviteAffiliate,
		"POST /code/add": k.addCode, "GET /code/list": k.listCodes, "POST /code/end": k.endCode, "POST /rule/add": k.addRule,
		"POST /shop/set": k.setShop, "GET /mail/list": k.listMail,
		"GET /order/list": k.listOrders, "POST /order/show": k.showOrder, "POST /order/assign": k.assignOrder,
		"GET /flag/list": k.listFlags, "POST /flag/judge": k.judgeFlag,
		"GET /payout/preview": k.previewPayouts, "POST /payout/approve": k.approvePayouts, "GET /payout/list": k.listPayouts,
		"GET /payout/csv": k.csvPayouts, "POST /payout/statement": k.statePayout, "POST /payout/advance": k.advancePayout,
	}
}

// onlyLooks are routes of programRoutes that change nothing though they are asked by POST.
var onlyLooks = []string{"POST /order/show", "POST /payout/statement", "POST /hook/log"}

// noted adds a line to the audit log for each change that such a route made: what
// it was about, never what it said of people and money.
func (k *control) noted(route string, do func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	what, changes := strings.CutPrefix(route, "POST /")
	if !changes || slices.Contains(onlyLooks, route) {
		return do
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := do(w, r); err != nil {
			return err
		}
		var target []string
		for _, field := range []string{"site", "code", "order", "flag", "payout", "hook", "state", "kind"} {
			if v := r.FormValue(field); v != "" {
				target = append(target, field+" "+v)
			}
		}
		if err := k.note(r, strings.ReplaceAll(what, "/", " "), strings.Join(target, ", "), "", ""); err != nil {
			k.h.log.Error("a change is not in the audit log", "change", what, "error", err)
		}
		return nil
	}
}

// programOf is the programme of a site that is named.
func (k *control) programOf(r *http.Request) (ledger.Program, error) {
	site, err := k.h.sites.find(r.FormValue("site"))
	if err != nil {
		return ledger.Program{}, err
	}
	p, ok := k.h.desk.Program(site.ID)
	if !ok {
		return p, fmt.Errorf("%s is in no affiliate programme; make one with: footfall program set NAME --site %[1]s --rate 50%%", site.Domain)
	}
	return p, nil
}

// affiliateOf is the affiliate that is named by e-mail or id.
func (k *control) affiliateOf(ctx context.Context, program, name string) (ledger.Affiliate, error) {
	a, err := k.h.affiliateOf(ctx, program, name)
	if errors.Is(err, account.ErrNotFound) {
		err = fmt.Errorf("there is no affiliate %q in this programme; footfall affiliate list shows them", name)
	}
	return a, err
}

// affiliateOf is the affiliate of a programme that is named by e-mail or id;
// account.ErrNotFound if there is none.
func (h *house) affiliateOf(ctx context.Context, program, name string) (ledger.Affiliate, error) {
	all, err := h.desk.Affiliates(ctx, program)
	if err != nil {
		return ledger.Affiliate{}, err
	}
	for _, a := range all {
		if a.ID == name || ledger.FoldEmail(a.Email) == ledger.FoldEmail(name) {
			return a, nil
		}
	}
	return ledger.Affiliate{}, account.ErrNotFound
}

// earner is the id of the affiliate whom somebody names by id or e-mail, in the programme
// of a site, or in any ("" is every site); account.ErrNotFound if there is none.
func (h *house) earner(ctx context.Context, site, name string) (id string, err error) {
	all, err := h.desk.Programs(ctx)
	if err != nil {
		return "", err
	}
	for _, p := range all {
		if site != "" && !slices.Contains(p.Sites, site) {
			continue
		}
		a, err := h.affiliateOf(ctx, p.ID, name)
		if !errors.Is(err, account.ErrNotFound) {
			return a.ID, err
		}
	}
	return "", account.ErrNotFound
}

// named is the affiliate whom a field names, of the programme of the site that is named.
func (k *control) named(r *http.Request, field string) (ledger.Affiliate, error) {
	p, err := k.programOf(r)
	if err != nil {
		return ledger.Affiliate{}, err
	}
	return k.affiliateOf(r.Context(), p.ID, r.FormValue(field))
}

// toldProgram is a programme with what it pays.
type toldProgram struct {
	ledger.Program
	Rules []ledger.Rule `json:"rules"`
}

func (k *control) setProgram(w http.ResponseWriter, r *http.Request) error {
	p, made := affiliate.Usual(), true
	var sites []string
	for _, name := range commas(r.FormValue("site")) {
		site, err := k.h.sites.find(name)
		if err != nil {
			return err
		}
		sites = append(sites, site.ID)
		if old, ok := k.h.desk.Program(site.ID); ok && made {
			p, made = old, false
		}
	}
	for _, site := range p.Sites { // one more is named, none is taken out
		if !slices.Contains(sites, site) {
			sites = append(sites, site)
		}
	}
	p.Name, p.Sites = r.FormValue("name"), sites
	for name, values := range r.Form {
		if err := programField(&p, name, values[0]); err != nil {
			return err
		}
	}
	rate, err := percent(r.FormValue("rate"))
	if err != nil || made && rate == 0 {
		return errors.Join(err, errors.New("how much does an order earn? give --rate, such as 50%; other rules: footfall rule add"))
	}
	if p, err = k.h.desk.PutProgram(r.Context(), p); err != nil {
		return err
	}
	if rate > 0 {
		rule := ledger.Rule{Program: p.ID, Kind: ledger.Percent, Rate: rate}
		if !made {
			rule.From = time.Now().UTC().Truncate(time.Millisecond)
		}
		if _, err := k.h.desk.AddRule(r.Context(), rule); err != nil {
			return err
		}
	}
	if err := k.h.startLedgerPump(context.WithoutCancel(r.Context())); err != nil {
		return err
	}
	rules, err := k.h.desk.Rules(r.Context(), p.ID)
	if err != nil {
		return err
	}
	return answer(w, toldProgram{p, rules})
}

func commas(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// programField sets one field of a programme from a flag.
func programField(p *ledger.Program, name, v string) (err error) {
	switch name {
	case "window":
		p.Window, err = strconv.Atoi(v)
	case "hold":
		p.Hold, err = strconv.Atoi(v)
	case "model":
		p.Model = ledger.Model(v)
	case "bind":
		p.Bind = ledger.Bind(v)
	case "coupons":
		if p.CouponPriority = v == "first"; !p.CouponPriority && v != "last" {
			err = errors.New("is neither first nor last")
		}
	case "trust-events":
		if p.TrustEvents = v == "on"; !p.TrustEvents && v != "off" {
			err = errors.New("is neither on nor off")
		}
	case "mail-payouts":
		if p.QuietPayouts = v == "off"; !p.QuietPayouts && v != "on" {
			err = errors.New("is neither on nor off")
		}
	case "hosts":
		p.Hosts = commas(strings.ToLower(v))
	case "banned":
		p.Banned = commas(v)
	case "min-payout":
		p.MinPayout = map[string]int64{}
		for _, part := range commas(v) {
			at := max(0, len(part)-3)
			currency := strings.ToUpper(part[at:])
			if p.MinPayout[currency], err = money.Parse(part[:at], currency); err != nil {
				return fmt.Errorf("min-payout: %w", err)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %q %w", name, v, err)
	}
	return nil
}

// percent reads "12.5%" as parts per million; "" is 0.
func percent(text string) (int32, error) {
	if text == "" {
		return 0, nil
	}
	// A per cent has four more decimals down to a millionth: two at a time.
	whole, decimals, _ := strings.Cut(strings.TrimSuffix(strings.TrimSpace(text), "%"), ".")
	n, err := strconv.ParseInt(whole+(decimals + "0000")[:4], 10, 32)
	if err != nil || len(decimals) > 4 || n < 0 || strings.HasPrefix(decimals, "-") {
		return 0, fmt.Errorf("%q is no percentage such as 50%% or 12.5%%", text)
	}
	return int32(n), nil
}

// spellPercent is the reverse of percent.
func spellPercent(ppm int32) string {
	s := strings.TrimRight(fmt.Sprintf("%d.%04d", ppm/10_000, ppm%10_000), "0")
	return strings.TrimSuffix(s, ".") + "%"
}

func (k *control) listPrograms(w http.ResponseWriter, r *http.Request) error {
	all, err := k.h.desk.Programs(r.Context())
	if err != nil {
		return err
	}
	out := make([]toldProgram, len(all))
	for i, p := range all {
		rules, err := k.h.desk.Rules(r.Context(), p.ID)
		if err != nil {
			return err
		}
		out[i] = toldProgram{p, rules}
	}
	return answer(w, out)
}

// balanced is an affiliate with its balances by currency, as exact decimals.
type balanced struct {
	ledger.Affiliate
	Balances map[string]spelledBalance `json:"balances"`
}

func (k *control) addAffiliate(w http.ResponseWriter, r *http.Request) error {
	p, err := k.programOf(r)
	if err != nil {
		return err
	}
	a, err := k.h.desk.Join(r.Context(), ledger.Affiliate{Program: p.ID, Email: r.FormValue("email"), Name: r.FormValue("name"), Status: ledger.Status(r.FormValue("status"))})
	if err != nil {
		return err
	}
	return answer(w, a)
}

func (k *control) listAffiliates(w http.ResponseWriter, r *http.Request) error {
	programs, err := k.h.desk.Programs(r.Context())
	if err != nil {
		return err
	}
	if r.FormValue("site") != "" {
		p, err := k.programOf(r)
		if err != nil {
			return err
		}
		programs = []ledger.Program{p}
	}
	out := []balanced{}
	for _, p := range programs {
		all, err := k.h.desk.Affiliates(r.Context(), p.ID)
		if err != nil {
			return err
		}
		balances, err := k.h.desk.Balances(r.Context(), p.ID)
		if err != nil {
			return err
		}
		for _, a := range all {
			out = append(out, balanced{a, spellBalances(balances[a.ID])})
		}
	}
	return answer(w, out)
}

func (k *control) setAffiliate(w http.ResponseWriter, r *http.Request) error {
	a, err := k.named(r, "email")
	if err != nil {
		return err
	}
	a, err = k.h.desk.Alter(r.Context(), a.ID, func(a *ledger.Affiliate) {
		for name, field := range map[string]*string{"name": &a.Name, "payout": &a.Payout, "user": &a.User, "status": (*string)(&a.Status)} {
			if r.Form.Has(name) {
				*field = r.FormValue(name)
			}
		}
	})
	if err != nil {
		return err
	}
	return answer(w, a)
}

func (k *control) inviteAffiliate(w http.ResponseWriter, r *http.Request) error {
	a, err := k.named(r, "email")
	if err != nil {
		return err
	}
	out := invitedAffiliate{Affiliate: a.ID}
	path, sent, err := k.h.invitation(r.Context(), a, true)
	if err != nil {
		return err
	}
	if out.mailed = sent; path != "" {
		out.URL = k.h.public() + path
	}
	return answer(w, out)
}

// invitedAffiliate is an affiliate and a link to log in with; "" for who has an account.
type invitedAffiliate struct {
	Affiliate string `json:"affiliate"`
	URL       string `json:"url"`
	mailed
}

func (k *control) addCode(w http.ResponseWriter, r *http.Request) error {
	a, err := k.named(r, "affiliate")
	if err != nil {
		return err
	}
	c := ledger.Code{Text: r.FormValue("code"), Affiliate: a.ID, Kind: ledger.LinkCode, Landing: r.FormValue("landing")}
	if r.FormValue("coupon") == "true" {
		c.Kind = ledger.CouponCode
	}
	if c.From, err = dayOrNot(r.FormValue("from")); err == nil {
		c.To, err = dayOrNot(r.FormValue("to"))
	}
	if err != nil {
		return err
	}
	if c, err = k.h.desk.AddCode(r.Context(), c); err != nil {
		return err
	}
	return answer(w, linked{c, k.h.link(c)})
}

// linked is a code with the link that it makes; "" for a coupon.
type linked struct {
	ledger.Code
	Link string `json:"link,omitempty"`
}

func (h *house) link(c ledger.Code) string {
	if c.Kind != ledger.LinkCode {
		return ""
	}
	return h.address + "/r/" + url.PathEscape(c.Text)
}

// dayOrNot reads a day of UTC; "" is the zero time.
func dayOrNot(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return at, fmt.Errorf("%q is no day such as 2026-01-31", text)
	}
	return at, nil
}

func (k *control) listCodes(w http.ResponseWriter, r *http.Request) error {
	a, err := k.named(r, "affiliate")
	if err != nil {
		return err
	}
	all, err := k.h.desk.Codes(r.Context(), a.ID)
	if err != nil {
		return err
	}
	out := make([]linked, len(all))
	for i, c := range all {
		out[i] = linked{c, k.h.link(c)}
	}
	return answer(w, out)
}

func (k *control) endCode(w http.ResponseWriter, r *http.Request) error {
	c, err := k.h.desk.EndCode(r.Context(), r.FormValue("code"), time.Now())
	if err != nil {
		return err
	}
	return answer(w, c)
}

func (k *control) addRule(w http.ResponseWriter, r *http.Request) (err error) {
	p, err := k.programOf(r)
	if err != nil {
		return err
	}
	rule := ledger.Rule{Program: p.ID, Kind: ledger.Percent, Product: r.FormValue("product"), Currency: strings.ToUpper(r.FormValue("currency")), From: time.Now().UTC().Truncate(time.Millisecond)}
	if rule.Rate, err = percent(r.FormValue("rate")); err != nil {
		return err
	}
	if name := r.FormValue("affiliate"); name != "" {
		a, err := k.affiliateOf(r.Context(), p.ID, name)
		if err != nil {
			return err
		}
		rule.Affiliate = a.ID
	}
	for name, amount := range map[string]*int64{"amount": &rule.Amount, "cap": &rule.Cap} {
		if text := r.FormValue(name); text != "" {
			if *amount, err = money.Parse(text, rule.Currency); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	if rule.Amount > 0 {
		rule.Kind = ledger.Commission(r.FormValue("per"))
	}
	if text := r.FormValue("orders"); text != "" {
		if rule.Recurring, err = strconv.Atoi(text); err != nil {
			return fmt.Errorf("orders: %q is no number", text)
		}
	}
	if text := r.FormValue("from"); text != "" {
		if rule.From, err = dayOrNot(text); err != nil {
			return err
		}
	}
	if rule, err = k.h.desk.AddRule(r.Context(), rule); err != nil {
		return err
	}
	return answer(w, rule)
}
