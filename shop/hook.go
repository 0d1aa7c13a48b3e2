package shop

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"footfall/event"
)

// Tolerance is how far a signed message's time may lie from the clock: what is
// older may be somebody's copy of an old message. Shops sign anew when they
// send again.
const Tolerance = 5 * time.Minute

// HookOptions is whose webhook a message is for, and what proves it.
type HookOptions struct {
	Site, Store string
	Secrets     [][]byte         // any of them may sign: two while a secret is changed. None proves nothing
	Now         func() time.Time // nil is time.Now
}

// Hook reads what a kind of shop sends to webhooks.
type Hook struct {
	Name string
	// Read checks a message's signature and reads it. A message that is not
	// proved is ErrSignature, one that is of no interest has no reports, and one
	// that can't be read is an InvalidError.
	Read func(header func(name string) string, body []byte, o HookOptions) ([]Report, error)
}

// Hooks lists the kinds of shops whose webhooks are understood.
var Hooks = []Hook{{FromPaddle, ReadPaddle}, {FromStripe, ReadStripe}, {FromLemonSqueezy, ReadLemonSqueezy}}

// HookOf finds a kind of shop by its name.
func HookOf(name string) (Hook, bool) {
	for _, h := range Hooks {
		if h.Name == name {
			return h, true
		}
	}
	return Hook{}, false
}

// maxSignatures is how many signatures a header may have: shops send one, or
// two while they change their secret.
const maxSignatures = 8

// signed reports whether one of the signatures, in hexadecimal digits, is the
// HMAC-SHA256 of the message under one of the secrets. An empty secret would be
// everybody's: it signs nothing.
func (o *HookOptions) signed(signatures []string, message ...[]byte) bool {
	ok := false
	for _, secret := range o.Secrets {
		if len(secret) == 0 || len(signatures) > maxSignatures {
			continue
		}
		mac := hmac.New(sha256.New, secret)
		for _, part := range message {
			mac.Write(part)
		}
		want := mac.Sum(nil)
		for _, s := range signatures {
			given, err := hex.DecodeString(s)
			ok = err == nil && hmac.Equal(given, want) || ok
		}
	}
	return ok
}

// stamped reads a header such as "t=1700000000,v1=abc,v1=def": the time as it is
// written, and the signatures. It is false if the time is none or too far away.
func (o *HookOptions) stamped(header, separator, timeKey, key string) (at string, signatures []string, ok bool) {
	for part := range strings.SplitSeq(header, separator) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(part), "="); name {
		case timeKey:
			at = value
		case key:
			signatures = append(signatures, value)
		}
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	now := time.Now
	if o.Now != nil {
		now = o.Now
	}
	clock := now().Unix()
	tolerance := int64(Tolerance / time.Second)
	return at, signatures, err == nil && clock-tolerance <= seconds && seconds <= clock+tolerance
}

// decode reads a message that is proved.
func decode(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return Invalid("body", "is not as this shop writes it: %v", err)
	}
	return nil
}

// report begins a report that the shop's server itself makes.
func (o *HookOptions) report(from string, at time.Time) Report {
	return Report{Site: o.Site, Store: o.Store, Time: at, Said: at, From: from, Verified: true}
}

// carried is what a page gave a checkout to carry along, in the shop's custom
// data or metadata. What is not there, or of another form, is not carried.
type carried struct {
	Click     word    `json:"affiliate_cid"`
	Anonymous word    `json:"anonymous_id"`
	User      word    `json:"user_id"`
	Email     word    `json:"email"`
	Product   word    `json:"product_id"` // where the shop does not say what was bought
	Coupon    coupons `json:"coupon"`     // likewise
}

// carry reads custom data; of several the first that has something counts.
func carry(all ...json.RawMessage) (c carried) {
	for _, raw := range all {
		var x carried
		if json.Unmarshal(raw, &x) != nil {
			continue
		}
		for _, w := range [][2]*word{{&c.Click, &x.Click}, {&c.Anonymous, &x.Anonymous}, {&c.User, &x.User}, {&c.Email, &x.Email}, {&c.Product, &x.Product}} {
			if *w[0] == "" {
				*w[0] = carriable(*w[1])
			}
		}
		if len(c.Coupon) == 0 {
			c.Coupon = slices.DeleteFunc(x.Coupon, func(code string) bool { return fault(code) != "" })
			c.Coupon = c.Coupon[:min(len(c.Coupon), maxCoupons/2)]
		}
	}
	return c
}

// put gives a report what was carried along.
func (c *carried) put(r *Report, email word) {
	r.Click, r.Anonymous, r.User, r.Email = string(c.Click), string(c.Anonymous), string(c.User), first(email, c.Email)
}

// checked ends a reader: the report, if nothing is wrong with it.
func checked(r Report, p *purse) ([]Report, error) {
	if p.fault != nil {
		return nil, p.fault
	}
	if err := r.Check(); err != nil {
		return nil, err
	}
	return []Report{r}, nil
}

// isID reports whether a text has the form of our own ids.
func isID(text string) bool {
	return len(text) == len(event.NewID(time.Time{})) && strings.Trim(text, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == ""
}
