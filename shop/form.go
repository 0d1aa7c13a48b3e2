package shop

import (
	"bytes"
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"footfall/ledger"
	"footfall/money"
)

// form is an order or a refund in the words of order events: properties of a
// track event, an object of a request, rows of a file. Names of the first version
// of those events (orderId, a product's id) are read too.
type form struct {
	product           // what the order is of, where it has no products
	Number   word     `json:"order_id"`
	Number1  word     `json:"orderId"`
	Refund   word     `json:"refund_id"`
	Currency word     `json:"currency"`
	Revenue  number   `json:"revenue"`
	Subtotal number   `json:"subtotal"`
	Total    number   `json:"total"`
	Shipping number   `json:"shipping"`
	Tax      number   `json:"tax"`
	Discount number   `json:"discount"`
	Coupon   coupons  `json:"coupon"`
	Coupons  coupons  `json:"coupons"`
	Products products `json:"products"`

	Email     word `json:"email"`
	Customer  word `json:"customer_email"`
	Click     word `json:"affiliate_cid"`
	ClickID   word `json:"click_id"`
	User      word `json:"user_id"`
	Anonymous word `json:"anonymous_id"`

	Store   word `json:"store"`
	Time    word `json:"time"`
	Updated word `json:"updated_at"`
}

type product struct {
	Line     word    `json:"line_id"`
	ID       word    `json:"product_id"`
	ID1      word    `json:"id"`
	SKU      word    `json:"sku"`
	Name     word    `json:"name"`
	Price    number  `json:"price"`
	Quantity number  `json:"quantity"`
	Net      number  `json:"net"` // of the line, of all discounts; then price is not looked at
	Coupon   coupons `json:"coupon"`
}

func (p *product) id() string { return first(p.ID, p.SKU, p.ID1) }

// products is a list of products; what is none is passed over.
type products []product

func (p *products) UnmarshalJSON(raw []byte) error {
	*p = nil
	var all []json.RawMessage
	if json.Unmarshal(raw, &all) != nil {
		return nil
	}
	for _, one := range all {
		var x product
		if one = bytes.TrimSpace(one); one[0] == '{' && json.Unmarshal(one, &x) == nil {
			*p = append(*p, x)
		}
	}
	return nil
}

// coupons are codes, written as a text with commas or as a list.
type coupons []string

func (c *coupons) UnmarshalJSON(raw []byte) error {
	*c = nil
	var list []word
	if json.Unmarshal(raw, &list) != nil {
		text, ok := scalar(raw)
		if !ok {
			return nil
		}
		list = []word{word(text)}
	}
	for _, w := range list {
		c.add(string(w))
	}
	return nil
}

// add adds the codes of a text, each once. One more than there may be is kept, so
// that Check finds it; a list without end would take time without end.
func (c *coupons) add(text string) {
	for code := range strings.SplitSeq(text, ",") {
		if len(*c) > maxCoupons {
			return
		}
		if code = strings.TrimSpace(code); code != "" && !slices.Contains(*c, code) {
			*c = append(*c, code)
		}
	}
}

// bill is the amounts of a form in one currency.
type bill struct {
	gross  []int64 // of each product: its net, else price times quantity
	sum    int64   // of gross
	priced bool    // a product has a net or a price
	netted bool    // all products have a net
	base   int64   // of all products, net of discounts, without tax and shipping (rule 9)
	known  bool    // the base is said, or follows from what is
	total  int64   // with tax and shipping; 0 if unknown
}

func (f *form) items() []product {
	if len(f.Products) == 0 && first(f.ID, f.SKU) != "" {
		return []product{f.product}
	}
	return f.Products
}

// add reads a form's amounts.
func (p *purse) add(f *form) bill {
	if len(f.items()) > maxLines { // before anything is done with each
		p.blame("products", "may be "+strconv.Itoa(maxLines))
		return bill{}
	}
	b := p.sum(f)
	p.total(f, &b)
	if !within(b.base, money.Max) {
		p.blame("revenue", money.ErrTooLarge.Error())
	}
	return b
}

// sum reads what products cost.
func (p *purse) sum(f *form) bill {
	b := bill{netted: len(f.items()) > 0}
	for i, x := range f.items() {
		b.gross = append(b.gross, p.gross("products["+strconv.Itoa(i)+"].", x))
		b.sum += b.gross[i]
		b.priced = b.priced || x.Price != "" || x.Net != ""
		b.netted = b.netted && x.Net != ""
	}
	return b
}

// total reads what the order or refund is as a whole. What the order's revenue is, says in this order:
// revenue, subtotal, the products less the discount, the total less tax and
// shipping. Net of anything is never more than the total.
func (p *purse) total(f *form, b *bill) {
	b.total = p.units("total", f.Total)
	switch {
	case f.Revenue != "":
		b.base, b.known = p.units("revenue", f.Revenue), true
		return
	case f.Subtotal != "":
		b.base, b.known = p.units("subtotal", f.Subtotal), true
		return
	case b.priced:
		b.base, b.known = b.sum, true
	}
	if b.priced && !b.netted && f.Discount != "" {
		b.base = less(b.sum, p.units("discount", f.Discount))
	}
	if f.Total != "" {
		rest := b.total - p.units("tax", f.Tax) - p.units("shipping", f.Shipping)
		if b.known { // of a credit note the total may have the only minus
			rest = min(max(rest, -magnitude(b.base)), magnitude(b.base))
		}
		b.base, b.known = rest, true
	}
}

// less takes a discount, which some write with a minus, from an amount, at most
// all of it.
func less(amount, discount int64) int64 {
	discount = min(magnitude(discount), magnitude(amount))
	if amount < 0 {
		return amount + discount
	}
	return amount - discount
}

func (p *purse) gross(field string, x product) int64 {
	if x.Net != "" {
		return p.units(field+"net", x.Net)
	}
	price := p.exact(field+"price", x.Price)
	if x.Quantity != "" {
		price = new(big.Rat).Mul(price, p.exact(field+"quantity", x.Quantity))
	}
	return p.round(field+"price", price)
}

// nets is what of the base falls to each product: its own gross if that adds
// up, else its share by gross (money.Spread). Where some products are negative,
// they are discounts or things given back that were written as products: the
// base has them in it, and they get nothing.
func (b *bill) nets() []int64 {
	weights := make([]int64, len(b.gross))
	mixed := false
	for i, g := range b.gross {
		if (g < 0) != (b.base < 0) && g != 0 && b.base != 0 {
			mixed = true
			continue
		}
		weights[i] = magnitude(g)
	}
	if b.sum == b.base && !mixed {
		return b.gross
	}
	if mixed && slices.Max(weights) == 0 { // a credit note whose products are written without a minus
		for i, g := range b.gross {
			weights[i] = magnitude(g)
		}
	}
	return money.Spread(b.base, weights)
}

// order is the form as an order.
func (f *form) order(usual string) (*Order, error) {
	p := open(string(f.Currency), usual)
	b := p.add(f)
	o := &Order{Currency: p.currency, Total: b.total, Coupons: f.coupons()}
	items := f.items()
	switch {
	case p.fault != nil:
		return nil, p.fault
	case !b.known && len(items) > 0:
		return nil, Invalid("revenue", "is missing, and so are the prices of products")
	case !b.known:
		return nil, Invalid("products", "are missing, and so is revenue")
	case len(items) == 0:
		o.Lines = []ledger.Line{{ID: "order", Quantity: 1, Net: b.base}}
		return o, nil
	}
	ids := map[string]bool{}
	for i, net := range b.nets() {
		x := items[i]
		o.Lines = append(o.Lines, ledger.Line{
			ID: unique(ids, first(x.Line, word(x.id()), word(strconv.Itoa(i+1)))), Product: x.id(), Name: title(x.Name),
			Quantity: p.quantity("products["+strconv.Itoa(i)+"].quantity", x.Quantity), Net: net})
	}
	return o, p.fault
}

// unique is an id that is not taken yet: the one that is wished for, or that
// with a number behind it.
func unique(taken map[string]bool, wish string) string {
	id := wish
	for n := 2; taken[id]; n++ {
		id = wish + "#" + strconv.Itoa(n)
	}
	taken[id] = true
	return id
}

func (f *form) coupons() []string {
	all := slices.Concat(f.Coupon, f.Coupons)
	for _, x := range f.Products {
		all = append(all, x.Coupon...)
	}
	var once coupons
	for _, code := range all {
		once.add(code)
	}
	return once
}

// refund is the form as a refund (rule 11): without any amount it is a full one.
// Amounts may be written with a minus.
func (f *form) refund(usual string) (*Refund, error) {
	p := open(string(f.Currency), usual)
	b, items := p.add(f), f.items()
	r := &Refund{ID: string(f.Refund), Currency: p.currency}
	quantity := func(i int) int64 {
		return magnitude(p.quantity("products["+strconv.Itoa(i)+"].quantity", items[i].Quantity))
	}
	switch {
	case p.fault != nil:
		return nil, p.fault
	case !b.known && len(items) == 0:
		r.Full = true
		return r, nil
	case !b.known:
		for i, x := range items {
			r.Lines = append(r.Lines, RefundLine{Line: string(x.Line), Product: x.id(), Quantity: quantity(i)})
		}
		return r, p.fault
	case b.base == 0:
		return nil, Invalid("revenue", "of a refund is 0: leave all amounts out if everything was given back")
	case !b.priced && f.Revenue+f.Subtotal+f.Tax+f.Shipping == "":
		r.Amount, r.Gross = magnitude(b.base), true // only the total is known
		return r, nil
	case len(items) == 0:
		r.Amount = magnitude(b.base)
		return r, nil
	}
	whole := f.Revenue+f.Subtotal+f.Total+f.Discount != ""
	for i, net := range b.nets() {
		x := items[i]
		// An amount of 0 means all of the quantity: of a product whose price is not
		// said that is right, unless the whole says that nothing is left for it.
		if net != 0 || !whole && x.Price+x.Net == "" {
			units := quantity(i)
			if net != 0 && (x.Quantity == "" || x.Net != "") {
				units = 0 // what is given back is the amount, of whatever quantity
			}
			r.Lines = append(r.Lines, RefundLine{Line: string(x.Line), Product: x.id(), Amount: magnitude(net), Quantity: units})
		}
	}
	return r, p.fault
}
