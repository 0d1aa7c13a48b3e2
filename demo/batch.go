package demo

import (
	"encoding/json"
	"fmt"
	"iter"
	"time"
)

// batch is the body of POST /v1/batch.
type batch struct {
	Batch  []message `json:"batch"`
	SentAt string    `json:"sentAt"`
}

type message struct {
	Type              string         `json:"type"`
	MessageID         string         `json:"messageId"`
	AnonymousID       string         `json:"anonymousId"`
	OriginalTimestamp string         `json:"originalTimestamp"`
	Event             string         `json:"event,omitempty"`
	Properties        map[string]any `json:"properties,omitempty"`
	Context           about          `json:"context"`
}

// about is a message's context.
type about struct {
	Page      page   `json:"page"`
	UserAgent string `json:"userAgent"`
	IP        string `json:"ip"`
	Locale    string `json:"locale"`
	Screen    screen `json:"screen"`
}

type screen struct {
	Width int `json:"width"`
}

type page struct {
	URL      string `json:"url"`
	Path     string `json:"path"`
	Search   string `json:"search,omitempty"`
	Title    string `json:"title"`
	Referrer string `json:"referrer,omitempty"`
}

const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// Batches spells hits as bodies for POST /v1/batch, n hits in each (1 or
// more), sent at sentAt.
func Batches(hits iter.Seq[Hit], n int, sentAt time.Time) iter.Seq[[]byte] {
	if n < 1 {
		panic(fmt.Sprintf("demo: batches of %d hits", n))
	}
	return func(yield func([]byte) bool) {
		b := batch{SentAt: sentAt.UTC().Format(timeLayout)}
		for h := range hits {
			b.Batch = append(b.Batch, h.message())
			if len(b.Batch) == n {
				if !yield(b.body()) {
					return
				}
				b.Batch = b.Batch[:0]
			}
		}
		if len(b.Batch) > 0 {
			yield(b.body())
		}
	}
}

func (b batch) body() []byte {
	body, err := json.Marshal(b)
	if err != nil {
		panic(fmt.Sprintf("demo: a hit cannot be spelled as JSON: %v", err)) // its properties are ours
	}
	return body
}

func (h Hit) message() message {
	m := message{
		Type: "page", MessageID: h.ID, AnonymousID: h.Visitor, OriginalTimestamp: h.Time.UTC().Format(timeLayout),
		Properties: h.Properties,
		Context: about{
			Page:      page{"https://" + h.Domain + h.Path + h.Search, h.Path, h.Search, h.Title, h.Referrer},
			UserAgent: h.UserAgent,
			IP:        h.IP.String(),
			Locale:    h.locale(),
			Screen:    screen{h.screen()},
		},
	}
	if h.Event != "" {
		m.Type, m.Event = "track", h.Event
	}
	return m
}
