package portal

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"footfall/affiliate"
	"footfall/money"
)

type settingsView struct {
	Program    affiliate.Program
	Least      string // what is paid at least, a line each
	Hosts      string
	Banned     string
	Params     string
	Sites      []string
	SitesForm  *form  // of more sites
	Free       []site // that it may be given; none for who may not
	Form       *form  // of the settings
	RuleForm   *form  // of a new version
	Shops      []hook
	Rules      []affiliate.Rule
	Pages      pages // of rules
	Names      map[string]string
	Affiliates []affiliate.Affiliate
	Mail       bool // affiliates are written to
	Now        time.Time
	Zone       *time.Location
}

// showSettings shows the settings, with what was wrong with a form of them, of a
// rule, of a shop or of more sites.
func (v *visit) showSettings(status int, f, rule, shop, sites *form) error {
	p := v.program
	x := settingsView{Program: p, Form: f, RuleForm: rule, SitesForm: sites, Shops: v.hooks(shop), Hosts: strings.Join(p.Hosts, "\n"), Banned: strings.Join(p.Banned, "\n"), Params: strings.Join(p.Params, ", "), Mail: v.Mail, Now: v.Now(), Zone: v.zone}
	for _, currency := range slices.Sorted(maps.Keys(p.MinPayout)) {
		x.Least += money.Format(p.MinPayout[currency], currency) + " " + currency + "\n"
	}
	for _, id := range p.Sites {
		domain := id
		if s, ok := v.Site(v.ctx(), id); ok {
			domain = s.Domain
		}
		x.Sites = append(x.Sites, domain)
	}
	rules, err := v.desk.Rules(v.ctx(), p.ID)
	if err == nil && v.pays() {
		x.Free, err = v.free(sites)
	}
	if err != nil {
		return err
	}
	slices.Reverse(rules)
	x.Rules, x.Pages = cut(v, rules)
	if x.Names, x.Affiliates, err = v.names(); err != nil {
		return err
	}
	return v.show(status, "settings.html", "Settings", x)
}

// fields of the settings, as Desk names what is wrong with them.
var settingsFields = []string{"name", "window_days", "hold_days", "model", "bind", "min_payout", "allowed_hosts", "banned_hosts", "parameters"}

func (v *visit) saveSettings() error {
	f, err := v.sent()
	if err != nil {
		return err
	}
	p := v.program
	p.Name, p.Model, p.Bind = f.get("name"), affiliate.Model(f.get("model")), affiliate.Bind(f.get("bind"))
	checkText(f, "name", 200, true)
	p.Window, p.Hold = f.number("window_days"), f.number("hold_days")
	p.CouponPriority, p.TrustEvents = f.values.Has("coupon_priority"), f.values.Has("trust_events")
	if v.Mail {
		p.QuietPayouts = !f.values.Has("mail_payouts")
	}
	p.Hosts, p.Banned, p.Params = list(strings.ToLower(f.get("allowed_hosts"))), list(f.get("banned_hosts")), list(f.get("parameters"))
	for _, host := range p.Hosts {
		if strings.ContainsAny(host, "/:@?#*") || !strings.Contains(host, ".") {
			f.wrong("allowed_hosts", "A host is written as shop.example.com, without https:// and path.")
		}
	}
	for _, name := range p.Params {
		if strings.ContainsAny(name, "&=#?%+") {
			f.wrong("parameters", "A parameter's name has letters, digits and dashes.")
		}
	}
	p.MinPayout = f.amounts("min_payout")
	if f.ok() {
		_, err := v.desk.PutProgram(v.ctx(), p)
		if err := f.take(err, settingsFields...); err != nil {
			return err
		}
	}
	if !f.ok() {
		return v.showSettings(422, f, nil, nil, nil)
	}
	return v.done(v.path("/settings"), "saved")
}

// list is the words between commas, spaces and line ends.
func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r <= ' ' || r == ',' })
}

// number is a whole number that is not below zero; "" is 0.
func (f *form) number(name string) int {
	n, err := strconv.Atoi(cmp.Or(f.get(name), "0"))
	if err != nil || n < 0 {
		f.wrong(name, "This is no whole number.")
	}
	return n
}

// amounts reads lines such as "50.00 EUR".
func (f *form) amounts(name string) map[string]int64 {
	all := map[string]int64{}
	for line := range strings.Lines(f.values.Get(name)) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(fields) != 2 || !money.Known(fields[1]) {
			f.wrong(name, "Write an amount and its currency in each line, such as 50.00 EUR.")
			continue
		}
		minor, err := money.Parse(fields[0], fields[1])
		if err != nil {
			f.wrong(name, capital(err.Error())+".")
		}
		all[fields[1]] = minor
	}
	return all
}

// fields of a rule, as Desk names what is wrong with them.
var ruleFields = []string{"kind", "rate", "amount", "cap", "orders", "affiliate", "valid_from", "product"}

func (v *visit) addRule() error {
	f, err := v.sent()
	if err != nil {
		return err
	}
	r := affiliate.Rule{Program: v.program.ID, Affiliate: f.get("affiliate"), Product: f.get("product"), Kind: affiliate.RuleKind(f.get("kind")),
		Currency: strings.ToUpper(f.get("currency")), Recurring: f.number("orders"), From: v.Now()}
	names, _, err := v.names()
	if err != nil {
		return err
	}
	if _, known := names[r.Affiliate]; !known && r.Affiliate != "" {
		f.wrong("affiliate", "This is no affiliate of the programme.")
	}
	checkText(f, "product", 512, false)
	if r.Kind == "percent" {
		r.Rate = f.percent("rate")
	} else {
		r.Amount = f.money("amount", r.Currency)
	}
	if f.get("cap") != "" {
		r.Cap = f.money("cap", r.Currency)
	}
	if from := f.get("valid_from"); from != "" {
		if r.From, err = time.ParseInLocation("2006-01-02T15:04", from, v.zone); err != nil {
			f.wrong("valid_from", "Write it as 2026-05-17T10:00.")
		}
	}
	if f.ok() {
		_, err := v.desk.AddRule(v.ctx(), r)
		if err := f.take(err, ruleFields...); err != nil {
			return err
		}
	}
	if !f.ok() {
		return v.showSettings(422, nil, f, nil, nil)
	}
	return v.done(v.path("/settings"), "rule")
}

// percent reads a percentage with up to three decimals as parts per million.
func (f *form) percent(name string) int32 {
	const decimals = "KWD" // a currency with three
	n, err := money.Parse(strings.TrimSpace(strings.TrimSuffix(f.get(name), "%")), decimals)
	if err != nil || n <= 0 || n > 100_000 {
		f.wrong(name, "Write a percentage such as 50 or 2.9.")
		return 0
	}
	return int32(10 * n)
}

func (f *form) money(name, currency string) int64 {
	if !money.Known(currency) {
		f.wrong(name, "Name the currency, too, such as EUR.")
		return 0
	}
	n, err := money.Parse(f.get(name), currency)
	if err != nil {
		f.wrong(name, "Write an amount such as 12.50.")
	}
	return n
}
