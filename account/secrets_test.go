package account

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"footfall/event"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPassword(t *testing.T) {
	ctx := t.Context()
	kept, err := HashPassword(ctx, "correct horse")
	must(t, err)
	again, err := HashPassword(ctx, "correct horse")
	must(t, err)
	if kept == again || !strings.HasPrefix(kept, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(kept, "correct") {
		t.Errorf("kept as %s and %s", kept, again)
	}
	for password, want := range map[string]bool{"correct horse": true, "correct horsf": false, "Correct horse": false, "": false, strings.Repeat("x", 2000): false} {
		if right, weak, err := CheckPassword(ctx, password, kept); right != want || weak || err != nil {
			t.Errorf("%.20q: %v %v %v", password, right, weak, err)
		}
	}
	if right, _, err := CheckPassword(ctx, "", ""); right || err != nil {
		t.Errorf("nobody has the empty password: %v %v", right, err)
	}
}

// TestPasswordOfLess: one hashed with other parameters is right, and to be
// hashed anew. The first is of the Argon2 reference implementation's own tests
// (test.c, Argon2id: t 2, m 256, p 1), so that ours is the same function.
func TestPasswordOfLess(t *testing.T) {
	for kept, weak := range map[string]bool{
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4":   true,
		"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc": false,
	} {
		if right, got, err := CheckPassword(t.Context(), "password", kept); !right || got != weak || err != nil {
			t.Errorf("%s: %v %v %v", kept, right, got, err)
		}
	}
}

func TestDamagedPassword(t *testing.T) {
	good, err := HashPassword(t.Context(), "correct horse")
	must(t, err)
	for _, bad := range []string{"x", "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", strings.Replace(good, "m=19456", "m=99999999", 1),
		strings.Replace(good, "t=2", "t=0", 1), strings.Replace(good, "p=1", "p=0", 1), strings.Replace(good, "v=19", "v=18", 1), good[:len(good)-30], strings.Replace(good, "$argon2id", "", 1)} {
		if right, _, err := CheckPassword(t.Context(), "correct horse", bad); right || err == nil || !strings.Contains(err.Error(), "footfall user reset") {
			t.Errorf("%s: %v %v, want an error that says what to do", bad, right, err)
		}
	}
}

func TestNewPasswords(t *testing.T) {
	for password, good := range map[string]bool{"correct horse": true, "äöüäöüäöüä": true, "short word": true, "short": false, "äöüäöüäöü": false, "1234567890": false, "Password123": false,
		"aaaaaaaaaaaa": false, "ada@example.com": false, "ADA@example.com": false, " password123 ": false, strings.Repeat("ab", 600): false} {
		err := CheckNewPassword(password, "ada@example.com")
		bad, isInvalid := errors.AsType[*event.InvalidError](err)
		if (err == nil) != good || !good && (!isInvalid || bad.Field != "password") {
			t.Errorf("%.20q: %v", password, err)
		}
	}
}

// TestPasswordsTakeTurns: whoever can't wait for a turn is told so, and takes
// no memory.
func TestPasswordsTakeTurns(t *testing.T) {
	for range cap(hashing) {
		hashing <- struct{}{}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := HashPassword(ctx, "correct horse"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a third password was hashed beside two: %v", err)
	}
	for range cap(hashing) {
		<-hashing
	}
	if cap(hashing) != 2 {
		t.Errorf("%d at a time", cap(hashing))
	}
}

// TestHOTP: appendix D of RFC 4226. TestTOTP: appendix B of RFC 6238.
func TestHOTP(t *testing.T) {
	for counter, want := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} {
		if got := hotp([]byte("12345678901234567890"), int64(counter), 6); got != want {
			t.Errorf("%d: %s, want %s", counter, got, want)
		}
	}
}

func TestTOTP(t *testing.T) {
	secret := []byte("12345678901234567890")
	for at, want := range map[int64]string{59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130"} {
		if got := hotp(secret, at/30, 8); got != want {
			t.Errorf("%d: %s, want %s", at, got, want)
		}
		if got := TOTPCode(secret, time.Unix(at, 0)); got != want[2:] {
			t.Errorf("%d: code %s, want %s", at, got, want[2:])
		}
	}
}

func TestCheckTOTP(t *testing.T) {
	secret, now := NewTOTP(), time.Unix(1_700_000_015, 0)
	step := now.Unix() / 30
	for drift := int64(-3); drift <= 3; drift++ {
		code := TOTPCode(secret, now.Add(time.Duration(drift)*30*time.Second))
		got, ok := CheckTOTP(secret, code[:3]+" "+code[3:], 0, now)
		if want := drift >= -1 && drift <= 1; ok != want || ok && got != step+drift {
			t.Errorf("a clock off by %d steps: %d %v", drift, got-step, ok)
		}
		if _, ok := CheckTOTP(secret, code, step+drift, now); ok {
			t.Error("a code can be used twice")
		}
	}
	for _, code := range []string{"", "0", "00000000", "abcdef"} {
		if _, ok := CheckTOTP(secret, code, 0, now); ok {
			t.Errorf("%q is a code", code)
		}
	}
	text := SpellTOTP(secret)
	if back, err := ParseTOTP(text); err != nil || string(back) != string(secret) || len(secret) != 20 {
		t.Errorf("%s is read as %x, %v", text, back, err)
	}
	if at := TOTPAddress(secret, "a&b?@example.com"); at != "otpauth://totp/Footfall:a&b%3F@example.com?issuer=Footfall&secret="+text {
		t.Errorf("address %s", at)
	}
}

func TestRecovery(t *testing.T) {
	codes, hashes := NewRecovery()
	seen := map[string]bool{}
	for i, c := range codes {
		seen[c] = true
		if len(c) != 19 || string(hashRecovery(strings.ToUpper(strings.ReplaceAll(c, "-", " ")))) != string(hashes[i]) {
			t.Errorf("code %s does not fit its hash", c)
		}
	}
	if len(seen) != 8 || len(hashes) != 8 {
		t.Errorf("%d codes", len(seen))
	}
}

func TestThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := NewThrottle(nil)
		tries := func(name string, from Sender) (n int) {
			for n < 1000 && th.Try(name, from) == nil {
				n++
			}
			return n
		}
		wait := func(name string, from Sender) time.Duration {
			slow, ok := errors.AsType[*SlowError](th.Try(name, from))
			if !ok {
				t.Fatalf("%s need not wait", name)
			}
			return slow.Wait
		}
		for _, from := range []Sender{{Network: "n1"}, {Network: "n1", Device: "d1"}} {
			if n := tries("ada", from); n != freeByName+1 {
				t.Errorf("%v: %d tries without a pause, want %d", from, n, freeByName+1)
			}
			for want := time.Second; want < longestPause; want *= 2 { // pauses double
				if got := wait("ada", from); got != want {
					t.Fatalf("%v: a pause of %v, want %v", from, got, want)
				}
				time.Sleep(want)
				must(t, th.Try("ada", from))
			}
			if got := wait("ada", from); got != longestPause {
				t.Errorf("%v: the longest pause is %v", from, got)
			}
			must(t, th.Try("bea", Sender{Network: "n2"})) // others need not wait
			must(t, th.Try("ada", Sender{Network: "n3"})) // nor does she elsewhere,
			must(t, th.Try("ada", Sender{Network: "n1", Device: "d2"}))
			th.Succeeded("ada", from)
			must(t, th.Try("ada", from))
			time.Sleep(longestPause + remembered + time.Second)
			if n := tries("ada", from); n != freeByName+1 {
				t.Errorf("%v: after a quiet time %d tries, want %d", from, n, freeByName+1)
			}
		}
	})
}

// TestThrottleFromEverywhere: guessing at one name from networks without end
// gets slow, also where its owner logs in meanwhile; pauses stay short.
func TestThrottleFromEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th, guesses, n := NewThrottle(nil), 0, 0
		var longest time.Duration
		for start := time.Now(); time.Since(start) < 24*time.Hour; n++ {
			if n%10 == 0 {
				home := Sender{Network: "home", Device: "d1"}
				must(t, th.Try("ada", home))
				th.Succeeded("ada", home)
			}
			slow, ok := errors.AsType[*SlowError](th.Try("ada", Sender{Network: fmt.Sprint(n)}))
			if !ok {
				guesses++
				continue
			}
			longest = max(longest, slow.Wait)
			time.Sleep(slow.Wait)
		}
		if guesses > 400 || longest != pauseEverywhere {
			t.Errorf("%d guesses in a day, the longest pause is %v", guesses, longest)
		}
	})
}

// TestThrottleOfANetwork: many names from one network, with log-ins of one's
// own between them.
func TestThrottleOfANetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th, guesses, n1 := NewThrottle(nil), 0, Sender{Network: "n1"}
		for {
			if th.Try("mine", n1) == nil {
				th.Succeeded("mine", n1)
			}
			if guesses > 1000 || th.Try("victim "+string(rune('a'+guesses)), n1) != nil {
				break
			}
			guesses++
		}
		if guesses > freeByNetwork+1 {
			t.Errorf("%d guesses without a pause", guesses)
		}
		must(t, th.Try("ada", Sender{Network: "n2"}))
		must(t, th.Try("ada", Sender{Network: "n1", Device: "d1"})) // who is known there
	})
}

// TestThrottleKeepsNoNames: neither e-mail nor network is in memory, and that
// is bounded.
func TestThrottleKeepsNoNames(t *testing.T) {
	th := NewThrottle(nil)
	for i := range maxTried/3 + 100 {
		_ = th.Try("ada"+string(rune(i)), Sender{Network: string(rune(i))})
	}
	if len(th.tried) > maxTried {
		t.Errorf("%d are remembered", len(th.tried))
	}
	other := NewThrottle(nil)
	if th.hash("name", "ada") == other.hash("name", "ada") || th.hash("name", "ada") == th.hash("network", "ada") {
		t.Error("the hash needs no key")
	}
}

func TestNetwork(t *testing.T) {
	for address, want := range map[string]string{"192.0.2.77": "192.0.2.0/24", "::ffff:192.0.2.77": "192.0.2.0/24", "2001:db8:1:2ff:3::4": "2001:db8:1:200::/56"} {
		if got := Network(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	if got := Network(netip.Addr{}); got != "" {
		t.Errorf("no address: %s", got)
	}
}

func TestEmbed(t *testing.T) {
	now, secret := time.Unix(1_700_000_000, 5), []byte("0123456789abcdef0123456789abcdef")
	e := Embed{Site: "a-example", Affiliate: `01J"<`, Metrics: []string{"Orders", "Visitors"}, Expires: now.Add(time.Hour)}
	token, err := SignEmbed(secret, e, now)
	must(t, err)
	got, err := ReadEmbed(secret, token, now.Add(time.Hour-time.Second))
	must(t, err)
	if got.Site != e.Site || got.Affiliate != e.Affiliate || strings.Join(got.Metrics, " ") != "Orders Visitors" || !got.Expires.Equal(e.Expires.Truncate(time.Second)) {
		t.Errorf("read %+v, want %+v", got, e)
	}
	_, over := ReadEmbed(secret, token, now.Add(time.Hour))
	_, renewed := ReadEmbed([]byte("another secret of thirty-two byt"), token, now)
	if !errors.Is(over, ErrEmbed) || !errors.Is(renewed, ErrEmbed) {
		t.Errorf("over: %v, by another secret: %v", over, renewed)
	}
	for field, bad := range map[string]Embed{"site": {Metrics: e.Metrics, Expires: e.Expires}, "metrics": {Site: "a", Expires: e.Expires}, "expires": {Site: "a", Metrics: e.Metrics},
		"expires ": {Site: "a", Metrics: e.Metrics, Expires: now.AddDate(2, 0, 0)}, "metrics ": {Site: "a", Metrics: []string{strings.Repeat("x", 9000)}, Expires: e.Expires}} {
		_, err := SignEmbed(secret, bad, now)
		if invalid, ok := errors.AsType[*event.InvalidError](err); !ok || invalid.Field != strings.TrimSpace(field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// TestEmbedIsNotTamperedWith: no token that differs in anything is valid.
func TestEmbedIsNotTamperedWith(t *testing.T) {
	now, secret := time.Unix(1_700_000_000, 0), []byte("0123456789abcdef0123456789abcdef")
	token, err := SignEmbed(secret, Embed{Site: "a", Metrics: []string{"Orders"}, Expires: now.Add(time.Hour)}, now)
	must(t, err)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range token {
		b := []byte(token)
		b[i] ^= byte(1 + r.IntN(127))
		for _, other := range []string{string(b), token[:i], token[:i] + token[i+1:], token[:i] + "A" + token[i:]} {
			if _, err := ReadEmbed(secret, other, now); !errors.Is(err, ErrEmbed) {
				t.Fatalf("%q is valid as well as %q", other, token)
			}
		}
	}
	body, sum, _ := strings.Cut(strings.TrimPrefix(token, EmbedPrefix), ".")
	text, err := embedText.DecodeString(body)
	must(t, err)
	wide := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(text), `"a"`, `"b"`, 1)))
	for _, other := range []string{EmbedPrefix + wide + "." + sum, token + "=", token + "\n", body + "." + sum} {
		if _, err := ReadEmbed(secret, other, now); !errors.Is(err, ErrEmbed) {
			t.Errorf("%q is valid", other)
		}
	}
}

func FuzzReadEmbed(f *testing.F) {
	now, secret := time.Unix(1_700_000_000, 0), []byte("0123456789abcdef0123456789abcdef")
	token, err := SignEmbed(secret, Embed{Site: "a", Metrics: []string{"Orders"}, Expires: now.Add(time.Hour)}, now)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token)
	f.Add(EmbedPrefix + "e30.")
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := ReadEmbed(secret, s, now); (err == nil) != (s == token) {
			t.Errorf("%q: %v", s, err)
		}
	})
}
