package account

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Codes of a second factor: RFC 6238 with SHA-1, 30 seconds and 6 digits, the
// only parameters that every authenticator app knows.
const (
	totpStep   = 30 // seconds
	totpDigits = 6
	totpDrift  = 1 // steps that a phone's clock may be off
)

var totpLetters = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewTOTP makes a secret of 160 bits, as RFC 4226 recommends.
func NewTOTP() []byte {
	secret := make([]byte, 20)
	rand.Read(secret) // never fails
	return secret
}

// SpellTOTP is a secret as it is typed into an app.
func SpellTOTP(secret []byte) string { return totpLetters.EncodeToString(secret) }

// ParseTOTP reads what SpellTOTP spells.
func ParseTOTP(s string) ([]byte, error) { return totpLetters.DecodeString(s) }

// TOTPAddress is what a QR code for an authenticator app holds.
func TOTPAddress(secret []byte, email string) string {
	v := url.Values{"secret": {SpellTOTP(secret)}, "issuer": {"Footfall"}}
	return "otpauth://totp/" + url.PathEscape("Footfall:"+email) + "?" + v.Encode()
}

// TOTPCode is the code of the step of 30 seconds that holds a time.
func TOTPCode(secret []byte, at time.Time) string {
	return hotp(secret, at.Unix()/totpStep, totpDigits)
}

// hotp is RFC 4226.
func hotp(secret []byte, counter int64, digits int) string {
	mac := hmac.New(sha1.New, secret)
	_ = binary.Write(mac, binary.BigEndian, counter) // a hash takes everything
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	n := uint64(binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff)
	text := fmt.Sprintf("%0*d", digits, n)
	return text[len(text)-digits:]
}

// CheckTOTP finds the step of a code: that of now, or its neighbours, if it is
// after the last one that was used. No code can be used twice.
func CheckTOTP(secret []byte, code string, last int64, now time.Time) (step int64, ok bool) {
	code = strings.ReplaceAll(code, " ", "")
	for drift := int64(-totpDrift); drift <= totpDrift; drift++ {
		at := now.Unix()/totpStep + drift
		if subtle.ConstantTimeCompare([]byte(hotp(secret, at, totpDigits)), []byte(code)) == 1 && at > last {
			step, ok = at, true
		}
	}
	return step, ok
}

const recoveryCodes = 8

// NewRecovery makes the codes that stand in for a lost phone, of 80 random
// bits each, and their hashes.
func NewRecovery() (codes []string, hashes [][]byte) {
	for range recoveryCodes {
		s := NewToken("", 10)
		codes = append(codes, strings.Join([]string{s[:4], s[4:8], s[8:12], s[12:]}, "-"))
		hashes = append(hashes, hashRecovery(s))
	}
	return codes, hashes
}

// hashRecovery is what is kept of a recovery code, however it is typed.
func hashRecovery(code string) []byte {
	return HashToken("recovery " + strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(code)))
}
