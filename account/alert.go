package account

import (
	"context"
	"time"

	"footfall/event"
)

// Alert has somebody told when something is unusual. What its Rule and State say is
// the matter of package alert.
type Alert struct {
	ID      string    `json:"alert"`
	Site    string    `json:"site"` // id; "" is the server's
	Rule    string    `json:"rule"`
	Email   string    `json:"email"`   // who is told; "" is Webhook
	Webhook string    `json:"webhook"` // URL that is told; "" is Email
	Secret  string    `json:"-"`       // signs what the webhook gets; told once, when it is made
	Created time.Time `json:"created"`
	State   string    `json:"state"` // "" at the beginning
}

// Alerts keeps alerts.
type Alerts interface {
	// AddAlert keeps a new one with ID, Secret and Created filled in; an unknown site is ErrNotFound.
	AddAlert(ctx context.Context, a Alert) (Alert, error)
	Alerts(ctx context.Context) ([]Alert, error) // the oldest first
	// MoveAlert puts a state in the place of one that was read; ErrNotFound if it is
	// another by now, or the alert is removed.
	MoveAlert(ctx context.Context, id, from, to string) error
	RemoveAlert(ctx context.Context, id string) error // ErrNotFound
}

// PrepareAlert checks a new alert as an event.InvalidError and fills in ID, Secret and Created.
func PrepareAlert(a Alert, now time.Time) (Alert, error) {
	var err error
	switch {
	case (a.Email == "") == (a.Webhook == ""):
		return Alert{}, event.Invalid("to", "or webhook: give one address that is told")
	case a.Email != "":
		if a.Email, err = Email(a.Email); err != nil {
			return Alert{}, err
		}
	default:
		if err = checkWebhook(a.Webhook); err != nil {
			return Alert{}, err
		}
		a.Secret = NewToken(WebhookPrefix, 20)
	}
	a.ID, a.Created, a.State = NewToken("alr_", 5), now.UTC().Truncate(time.Millisecond), ""
	return a, nil
}
