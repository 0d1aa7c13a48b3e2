package api

import (
	"context"
	"time"

	"footfall/period"
)

// Affiliates tells of affiliates, of each what it may see itself: nothing names
// another one. Who may ask is the door's matter. What is not there, or is not
// the affiliate's, is account.ErrNotFound.
type Affiliates interface {
	Affiliate(ctx context.Context, id string, w period.Window) (Affiliate, error) // with the window's clicks, orders and commissions
	Orders(ctx context.Context, id, after string, limit int) ([]Order, error)     // behind one of them, "" is none; newest first
	Decision(ctx context.Context, id, order string) (Decision, error)             // that is in force
	Ledger(ctx context.Context, id, after string, limit int) ([]Entry, error)     // commissions, as Orders
	Payouts(ctx context.Context, id string) ([]Payout, error)                     // newest first
}

// Affiliate is somebody who earns. Amounts are minor units, here and below.
type Affiliate struct {
	AsOf                               time.Time
	ID, Name, Status, Programme, Terms string // Terms: what is earned, in a sentence
	Balances                           []Balance
	Links                              []Link // newest first
	Clicks, Orders                     int64
	Made                               []Amount // commissions, by currency
}

// Amount is money.
type Amount struct {
	Currency string
	Minor    int64
}

// Balance is what an affiliate has of a currency: see affiliate.Balance.
type Balance struct {
	Currency                                 string
	Pending, Held, Available, InPayout, Paid int64
	Earned, Reversed                         int64
}

// Link is a link or coupon, with its clicks of a window.
type Link struct {
	Code, Kind, URL, Landing string // URL and Landing: of a link
	Clicks                   int64
}

// Order is an order that the affiliate has.
type Order struct {
	ID, Number, Site, Currency string
	Time                       time.Time
	Confirmed                  bool // by the shop: else it earns nothing
	Lines                      []Line
	Net, Commission            int64
	States                     []string // of its commissions
}

// Line is a part of an order.
type Line struct {
	Product, Name string
	Quantity, Net int64
}

// Decision is why an order is the affiliate's.
type Decision struct {
	Rule    string // "" is none
	Time    time.Time
	Explain []Candidate
}

// Candidate is a click, coupon or earlier order that was looked at.
type Candidate struct {
	Kind, ID, Reason string // ID: "" of what is another's
	Own, Kept        bool
	Time             time.Time
}

// Entry is a commission.
type Entry struct {
	ID, Kind, State, Reason        string
	Order, Number, Product, Payout string // Order and Number: "" if the order is another's now
	Amount                         int64
	Currency                       string
	Occurred, Available            time.Time
}

// Payout is money on its way.
type Payout struct {
	ID, State, Currency, Reference, Why string
	Amount                              int64
	Entries                             int
	Created, Changed                    time.Time
}
