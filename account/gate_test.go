package account_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"footfall/account"
	"footfall/account/accounttest"
	"footfall/event"
)

// hall is a gate with a clock of its own and one owner.
type hall struct {
	t     *testing.T
	kept  *accounttest.Memory
	gate  *account.Gate
	clock time.Time
	ada   account.Person
}

const password = "correct horse battery"

func newHall(t *testing.T) *hall {
	t.Helper()
	h := &hall{t: t, kept: &accounttest.Memory{}, clock: time.Now()}
	h.gate = account.NewGate(h.kept, func() time.Time { return h.clock })
	token := h.link(account.ForSetup, "")
	p, e, err := h.gate.SetUp(t.Context(), token, account.Person{Email: "Ada@example.com", Name: "Ada"}, password)
	h.must(err)
	h.ada = p
	if s, err := h.kept.Session(t.Context(), e.Session); err != nil || s.Person != p.ID {
		t.Fatalf("set-up began the session %+v, %v", s, err)
	}
	return h
}

func (h *hall) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *hall) is(err, want error) {
	h.t.Helper()
	if !errors.Is(err, want) {
		h.t.Errorf("error %v, want %v", err, want)
	}
}

func (h *hall) link(purpose account.Purpose, person string) string {
	h.t.Helper()
	token, err := h.kept.AddLink(h.t.Context(), purpose, person, time.Hour)
	h.must(err)
	return token
}

func (h *hall) valid(session string) bool {
	_, err := h.kept.Session(h.t.Context(), session)
	return err == nil
}

func TestSetUpOnce(t *testing.T) {
	h := newHall(t)
	if grants, err := h.kept.Grants(t.Context(), h.ada.ID); err != nil || len(grants) != 1 || grants[0].Role != account.Owner || grants[0].Site != "" {
		t.Errorf("the first person is %+v, %v", grants, err)
	}
	_, _, err := h.gate.SetUp(t.Context(), h.link(account.ForSetup, ""), account.Person{Email: "eve@example.com"}, password)
	h.is(err, account.ErrNotFound)
	for _, purpose := range []account.Purpose{account.ForLogin, account.ForReset, account.ForInvite, account.ForCode} {
		kept := &accounttest.Memory{}
		gate := account.NewGate(kept, nil)
		token, err := kept.AddLink(t.Context(), purpose, "", time.Hour)
		h.must(err)
		_, _, err = gate.SetUp(t.Context(), token, account.Person{Email: "eve@example.com"}, password)
		h.is(err, account.ErrNotFound)
	}
}

// TestSetUpAgain: what is wrong with the form leaves the link as it was.
func TestSetUpAgain(t *testing.T) {
	kept := &accounttest.Memory{}
	gate := account.NewGate(kept, nil)
	token, err := kept.AddLink(t.Context(), account.ForSetup, "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range [][3]string{{"ada", password, "email"}, {"ada@example.com", "short", "password"}} {
		_, _, err := gate.SetUp(t.Context(), token, account.Person{Email: x[0]}, x[1])
		if bad, ok := errors.AsType[*event.InvalidError](err); !ok || bad.Field != x[2] {
			t.Errorf("%v: %v", x, err)
		}
	}
	if _, _, err := gate.SetUp(t.Context(), token, account.Person{Email: "ada@example.com"}, password); err != nil {
		t.Error(err)
	}
}

func TestPasswordLogin(t *testing.T) {
	h := newHall(t)
	e, err := h.gate.Password(t.Context(), " ADA@example.com ", password, account.Sender{Network: "n"})
	h.must(err)
	if s, p, who, err := h.gate.Visitor(t.Context(), e.Session); err != nil || s.Person != h.ada.ID || p != h.ada || !who.May(account.ChangePeople, "") || who.Name != "person "+h.ada.ID {
		t.Errorf("Visitor = %+v %+v %+v, %v", s, p, who, err)
	}
	again, err := h.gate.Password(t.Context(), "ada@example.com", password, account.Sender{Network: "n"})
	h.must(err)
	if again.Session == e.Session {
		t.Error("two log-ins have one session")
	}
	for i, x := range [][2]string{{"ada@example.com", "wrong horse battery"}, {"ada@example.com", ""}, {"eve@example.com", password}, {"eve@example.com", ""}, {"", ""}, {h.ada.ID, password}} {
		_, err := h.gate.Password(t.Context(), x[0], x[1], account.Sender{Network: fmt.Sprint("n", i)})
		h.is(err, account.ErrDenied)
	}
	// who was invited and has no password yet
	bea, err := h.kept.AddPerson(t.Context(), account.Person{Email: "bea@example.com"})
	h.must(err)
	_, err = h.gate.Password(t.Context(), bea.Email, "", account.Sender{Network: "n"})
	h.is(err, account.ErrDenied)
	h.must(h.kept.SetDisabled(t.Context(), h.ada.ID, true))
	_, err = h.gate.Password(t.Context(), h.ada.Email, password, account.Sender{Network: "n"})
	h.is(err, account.ErrDenied)
}

// TestUnknownTakesAsLong: the time does not tell which e-mails there are.
func TestUnknownTakesAsLong(t *testing.T) {
	h := newHall(t)
	best := map[string]time.Duration{}
	for i := range 4 { // by turns, so that a busy moment slows all of them
		for _, email := range []string{"ada@example.com", "eve@example.com", "nonsense"} {
			begun := time.Now()
			_, err := h.gate.Password(t.Context(), email, "wrong horse battery", account.Sender{Network: fmt.Sprint(email, i)})
			h.is(err, account.ErrDenied)
			if took := time.Since(begun); i == 0 || took < best[email] {
				best[email] = took
			}
		}
	}
	known, unknown, nonsense := best["ada@example.com"], best["eve@example.com"], best["nonsense"]
	if unknown < known/3 || nonsense < known/3 {
		t.Errorf("known %v, unknown %v, no e-mail at all %v", known, unknown, nonsense)
	}
}

func TestWeakPasswordIsHashedAnew(t *testing.T) {
	h := newHall(t)
	h.must(h.kept.SetPassword(t.Context(), h.ada.ID, "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"))
	for range 2 {
		_, err := h.gate.Password(t.Context(), h.ada.Email, "password", account.Sender{Network: "n"})
		h.must(err)
	}
	if c, err := h.kept.Credential(t.Context(), h.ada.ID); err != nil || !strings.Contains(c.Password, "$m=19456,t=2,p=1$") {
		t.Errorf("kept as %s, %v", c.Password, err)
	}
}

// TestGuessingIsSlowedDown: also by many at once, and for who types the right
// one in the same network; not for anybody else.
func TestGuessingIsSlowedDown(t *testing.T) {
	h := newHall(t)
	var wait sync.WaitGroup
	made := make(chan bool, 40)
	for i := range cap(made) {
		wait.Go(func() {
			_, err := h.gate.Password(t.Context(), "ada@example.com", "wrong horse battery", account.Sender{Network: "n", Device: fmt.Sprint("made up.", i)})
			if _, slow := errors.AsType[*account.SlowError](err); !slow {
				made <- true
			}
		})
	}
	wait.Wait()
	if len(made) > 6 {
		t.Errorf("%d guesses at once", len(made))
	}
	e, err := h.gate.Password(t.Context(), "ada@example.com", password, account.Sender{Network: "other"})
	h.must(err)
	for _, device := range []string{e.Device, e.Device + "x", ""} { // whose it is, there and in the network of who guesses
		_, err = h.gate.Password(t.Context(), "ada@example.com", password, account.Sender{Network: "n", Device: device})
		if _, slow := errors.AsType[*account.SlowError](err); slow == (device == e.Device) {
			t.Errorf("with the device %q: %v", device, err)
		}
	}
	h.must(h.gate.Prove(t.Context(), h.ada, password, "a session"))
	_, err = h.gate.Password(t.Context(), "ada@example.com", password, account.Sender{Network: "n"})
	if slow, ok := errors.AsType[*account.SlowError](err); !ok || slow.Seconds() != 1 {
		t.Errorf("during a pause: %v", err)
	}
	h.clock = h.clock.Add(time.Second)
	_, err = h.gate.Password(t.Context(), "ada@example.com", password, account.Sender{Network: "n"})
	h.must(err)
}

func TestSecondFactor(t *testing.T) {
	h := newHall(t)
	ctx, secret := t.Context(), account.NewTOTP()
	_, err := h.gate.StartTOTP(ctx, h.ada, "wrong", secret, account.TOTPCode(secret, h.clock), "n")
	h.is(err, account.ErrDenied)
	if _, err := h.gate.StartTOTP(ctx, h.ada, password, secret, "000000", "n"); err == nil || errors.Is(err, account.ErrDenied) {
		t.Errorf("a wrong code turned it on: %v", err)
	}
	recovery, err := h.gate.StartTOTP(ctx, h.ada, password, secret, account.TOTPCode(secret, h.clock), "n")
	h.must(err)
	second := func() string {
		e, err := h.gate.Password(ctx, h.ada.Email, password, account.Sender{Network: "n"})
		h.must(err)
		if e.Session != "" || e.Second == "" {
			t.Fatalf("the password alone gave %+v", e)
		}
		if h.valid(e.Second) {
			t.Fatal("the second step's token is a session")
		}
		return e.Second
	}
	step := second()
	_, err = h.gate.Code(ctx, step, account.TOTPCode(secret, h.clock), account.Sender{Network: "n"})
	h.is(err, account.ErrDenied) // it was used to turn it on
	h.clock = h.clock.Add(30 * time.Second)
	code := account.TOTPCode(secret, h.clock)
	entered, err := h.gate.Code(ctx, step, code, account.Sender{Network: "n"})
	h.must(err)
	if !h.valid(entered.Session) || entered.Device == "" {
		t.Error("the code began no session")
	}
	_, err = h.gate.Code(ctx, step, code, account.Sender{Network: "n"})
	h.is(err, account.ErrNotFound)
	_, err = h.gate.Code(ctx, second(), code, account.Sender{Network: "n"})
	h.is(err, account.ErrDenied)
	_, err = h.gate.Code(ctx, second(), strings.ToUpper(recovery[3]), account.Sender{Network: "n"})
	h.must(err)
	_, err = h.gate.Code(ctx, second(), recovery[3], account.Sender{Network: "n"})
	h.is(err, account.ErrDenied)
	for _, token := range []string{h.link(account.ForLogin, h.ada.ID), h.link(account.ForReset, h.ada.ID), "", "ffl_x"} {
		_, err = h.gate.Code(ctx, token, recovery[4], account.Sender{Network: "n"})
		h.is(err, account.ErrNotFound)
	}
	// neither a link nor a new password goes round it
	e, err := h.gate.FollowLink(ctx, h.link(account.ForLogin, h.ada.ID))
	h.must(err)
	_, f, err := h.gate.NewPassword(ctx, h.link(account.ForReset, h.ada.ID), password+" staple")
	h.must(err)
	if e.Session != "" || f.Session != "" || e.Second == "" || f.Second == "" {
		t.Errorf("a link gave %+v, a reset %+v", e, f)
	}
	h.is(h.gate.StopTOTP(ctx, h.ada, password, "n"), account.ErrDenied)
	h.must(h.gate.StopTOTP(ctx, h.ada, password+" staple", "n"))
	e, err = h.gate.Password(ctx, h.ada.Email, password+" staple", account.Sender{Network: "n"})
	if err != nil || e.Session == "" {
		t.Errorf("after it was turned off: %+v, %v", e, err)
	}
}

// TestCodesAreSlowedDown: six digits can't be tried through by who has the
// password, neither from one network nor from many, and whose it is gets in.
func TestCodesAreSlowedDown(t *testing.T) {
	h := newHall(t)
	ctx, secret := t.Context(), account.NewTOTP()
	home := account.Sender{Network: "home"}
	e, err := h.gate.Password(ctx, h.ada.Email, password, home)
	h.must(err)
	home.Device = e.Device
	recovery, err := h.gate.StartTOTP(ctx, h.ada, password, secret, account.TOTPCode(secret, h.clock), e.Session)
	h.must(err)
	guesses := func(network func(n int) string) (n int) {
		second, err := h.gate.Password(ctx, h.ada.Email, password, account.Sender{Network: "eve"})
		h.must(err)
		for ; n < 1000; n++ {
			_, err := h.gate.Code(ctx, second.Second, "12345", account.Sender{Network: network(n)})
			if _, slow := errors.AsType[*account.SlowError](err); slow {
				break
			}
			h.is(err, account.ErrDenied)
		}
		return n
	}
	if n := guesses(func(int) string { return "eve" }); n > 6 {
		t.Errorf("%d codes from a network", n)
	}
	if n := guesses(func(n int) string { return fmt.Sprint(n) }); n > 101 {
		t.Errorf("%d codes from many networks", n)
	}
	if e, err = h.gate.Password(ctx, h.ada.Email, password, home); err == nil {
		_, err = h.gate.Code(ctx, e.Second, recovery[0], home)
	}
	h.must(err)
}

func TestLinks(t *testing.T) {
	h := newHall(t)
	ctx := t.Context()
	e, err := h.gate.FollowLink(ctx, h.link(account.ForLogin, ""))
	h.must(err)
	if _, _, who, err := h.gate.Visitor(ctx, e.Session); err != nil || who.Name != "operator" || !who.May(account.ChangePeople, "") {
		t.Errorf("the printed link logs in %+v, %v", who, err)
	}
	mine := h.link(account.ForLogin, h.ada.ID)
	e, err = h.gate.FollowLink(ctx, mine)
	h.must(err)
	if s, err := h.kept.Session(ctx, e.Session); err != nil || s.Person != h.ada.ID {
		t.Errorf("session %+v, %v", s, err)
	}
	_, err = h.gate.FollowLink(ctx, mine)
	h.is(err, account.ErrNotFound)
	for _, purpose := range []account.Purpose{account.ForReset, account.ForInvite, account.ForCode, account.ForSetup} {
		token := h.link(purpose, h.ada.ID)
		_, err := h.gate.FollowLink(ctx, token)
		h.is(err, account.ErrNotFound)
		if _, err := h.kept.Link(ctx, token); err != nil {
			t.Errorf("a link to %s was used up at another door", purpose)
		}
	}
	for _, purpose := range []account.Purpose{account.ForLogin, account.ForCode, account.ForSetup} {
		_, _, err := h.gate.NewPassword(ctx, h.link(purpose, h.ada.ID), password+" staple")
		h.is(err, account.ErrNotFound)
	}
	h.must(h.kept.SetDisabled(ctx, h.ada.ID, true))
	_, err = h.gate.FollowLink(ctx, h.link(account.ForLogin, h.ada.ID))
	h.is(err, account.ErrNotFound)
	if _, _, who, err := h.gate.Visitor(ctx, "ffs_unknown"); err == nil || who.MaySomewhere(account.LoggedIn) {
		t.Errorf("an unknown session is %+v", who)
	}
}

// TestNewPasswordEndsSessions: of who is elsewhere; links are worth nothing, too.
func TestNewPasswordEndsSessions(t *testing.T) {
	h := newHall(t)
	ctx := t.Context()
	login := func(with string) string {
		e, err := h.gate.Password(ctx, h.ada.Email, with, account.Sender{Network: "n"})
		h.must(err)
		return e.Session
	}
	here, there, other := login(password), login(password), h.link(account.ForReset, h.ada.ID)
	h.is(h.gate.ChangePassword(ctx, h.ada, "wrong", "another horse battery", here), account.ErrDenied)
	if err := h.gate.ChangePassword(ctx, h.ada, password, "short", here); err == nil || !h.valid(there) {
		t.Errorf("a password that can't be one: %v", err)
	}
	h.must(h.gate.ChangePassword(ctx, h.ada, password, "another horse battery", here))
	if !h.valid(here) || h.valid(there) {
		t.Error("not the other sessions ended")
	}
	_, _, err := h.gate.NewPassword(ctx, other, password)
	h.is(err, account.ErrNotFound)
	_, err = h.gate.Password(ctx, h.ada.Email, password, account.Sender{Network: "n"})
	h.is(err, account.ErrDenied)
	reset := h.link(account.ForReset, h.ada.ID)
	if _, _, err := h.gate.NewPassword(ctx, reset, "password123"); err == nil {
		t.Error("a common password was taken")
	}
	_, e, err := h.gate.NewPassword(ctx, reset, "third horse battery")
	h.must(err)
	if !h.valid(e.Session) || h.valid(here) {
		t.Error("a reset left the old sessions, or began none")
	}
	login("third horse battery")
}
