// Package mail is what Footfall writes to people: its letters, the seam of those
// who send them (mail/smtp), and the post that sends behind an answer.
//
// An address is of a person: it is in no error and no log. What a server said,
// which may hold one, is in Failure.Said alone.
package mail

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"
)

// Message is one letter to one person.
type Message struct {
	ID      string // the same for each try of the same message, and for no other: letters, digits and ".-_"
	To      Address
	Subject string // one line
	Text    string // plain, lines end with "\n"
	HTML    string // the same for those who can show it
	Time    time.Time
	// Images are pictures that HTML shows, by cid: and their ID.
	Images []Image
	// Unsubscribe is an address where a POST ends what the letter is one of (RFC
	// 8058), and a person is asked; "" is none.
	Unsubscribe string
}

// Image is a PNG in a message.
type Image struct {
	ID   string // its Content-ID: as an address
	Name string // of the file
	PNG  []byte
}

// Page is the message's HTML as a page that a browser shows: with the pictures in it.
func (m Message) Page() string {
	page := m.HTML
	for _, i := range m.Images {
		page = strings.ReplaceAll(page, "cid:"+i.ID, "data:image/png;base64,"+base64.StdEncoding.EncodeToString(i.PNG))
	}
	return page
}

// Address is a mailbox and whose it is.
type Address struct{ Name, Email string }

// ParseAddress reads an address with or without a name, such as
// "Ada <ada@example.com>".
func ParseAddress(text string) (Address, error) {
	a, err := mail.ParseAddress(text)
	if err != nil {
		return Address{}, fmt.Errorf("%q is no address such as Footfall <footfall@example.com>", text)
	}
	return Address{oneLine(a.Name), a.Address}, nil
}

// Domain is what stands behind the @.
func (a Address) Domain() string { return a.Email[strings.LastIndexByte(a.Email, '@')+1:] }

// Sender gives messages to a mail server.
type Sender interface {
	// Send returns once the server has taken the message, with what it said. What
	// it did not take is a *Failure. A message that is sent twice has the same ID
	// both times, by which mail servers and readers know it again.
	Send(ctx context.Context, m Message) (said string, err error)
	// Check connects and logs in, and sends nothing.
	Check(ctx context.Context) (said string, err error)
}

// Step is how far a try came.
type Step string

// The steps of a message.
const (
	Connecting Step = "was not reached"
	Encrypting Step = "offers no TLS that is valid for its name"
	LoggingIn  Step = "did not take the user and password"
	From       Step = "refused the sender"
	To         Step = "refused the recipient"
	Giving     Step = "did not take the message"
)

// Failure is why a server has not taken a message.
type Failure struct {
	Step    Step
	Code    int    // of the server's answer; 0: it gave none
	Status  string // the enhanced code of RFC 3463, such as 5.1.1; "" if it gave none
	Said    string // the server's own words: for the eyes of who sent it, never for a log
	Timeout bool
}

// Error has nothing in it that the server said but its codes.
func (f *Failure) Error() string {
	text := "the mail server " + string(f.Step)
	switch codes := strings.TrimSpace(fmt.Sprintf("%d %s", f.Code, f.Status)); {
	case f.Code != 0:
		text += " (" + codes + ")"
	case f.Timeout:
		text += " in time"
	}
	return text
}

// Final reports that another try would end in the same way: the server refuses
// this recipient or this message. What is wrong with the server or with how it
// is configured is mended one day.
func (f *Failure) Final() bool { return f.Code >= 500 && (f.Step == To || f.Step == Giving) }

// OfOne reports that it is about this recipient or this message, so that others
// may well be taken.
func (f *Failure) OfOne() bool { return f.Step == To || f.Step == Giving && f.Code != 0 }

// oneLine takes out what could end a line or turn it around: control
// characters, and the marks of Unicode that change a text's direction.
func oneLine(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), r == '\u2028', r == '\u2029':
			return ' '
		case r == '\ufffd', unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))), " ")
}
