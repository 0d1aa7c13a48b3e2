package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"footfall/event"
)

// cost is what argon2id (RFC 9106) takes for one password.
type cost struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

// today's cost is what OWASP's password storage cheat sheet asks for at least.
var today = cost{19 << 10, 2, 1}

const (
	saltBytes = 16
	hashBytes = 32

	minPassword = 10   // characters
	maxPassword = 1024 // bytes: hashing more would be a way to keep the server busy
)

// hashing bounds the memory that passwords take together.
var hashing = make(chan struct{}, 2)

// common are the passwords that are tried first, of those that are long enough.
var common = []string{"1234567890", "12345678910", "123456789a", "1234567891", "0123456789", "0987654321", "9876543210", "123456789012", "1q2w3e4r5t", "1q2w3e4r5t6y",
	"1qaz2wsx3edc", "qwertyuiop", "qwertyuiop123", "qwerty12345", "qwerty123456", "asdfghjkl1", "asdfghjkl123", "abcdefghij", "abcd123456", "abc1234567", "a123456789",
	"password12", "password123", "password1234", "password12345", "passwordpassword", "iloveyou12", "iloveyou123", "administrator", "admin12345", "admin123456",
	"letmein123", "welcome123", "welcome1234", "football123", "sunshine123", "princess123", "footfall123", "footfallfootfall", "changeme123", "qazwsxedcr", "zaq12wsxcde", "michael123", "superman123"}

// CheckNewPassword reports what can't be a password of the person as an
// event.InvalidError.
func CheckNewPassword(password, email string) error {
	plain := strings.ToLower(strings.TrimSpace(password))
	first, _ := utf8.DecodeRuneInString(plain)
	switch {
	case utf8.RuneCountInString(password) < minPassword:
		return event.Invalid("password", "has fewer than %d characters: take a few words", minPassword)
	case len(password) > maxPassword:
		return event.Invalid("password", "has more than %d bytes", maxPassword)
	case slices.Contains(common, plain) || strings.Trim(plain, string(first)) == "" || email != "" && plain == strings.ToLower(email):
		return event.Invalid("password", "is one of those that are tried first: take a few words")
	}
	return nil
}

// HashPassword is what is kept of a password: argon2id with a random salt, as
// a PHC string, which names the parameters.
func HashPassword(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails
	return today.spell(ctx, password, salt)
}

func (c cost) spell(ctx context.Context, password string, salt []byte) (string, error) {
	hash, err := c.hash(ctx, password, salt, hashBytes)
	if err != nil {
		return "", err
	}
	b := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memory, c.passes, c.threads, b(salt), b(hash)), nil
}

// hash waits for its turn.
func (c cost) hash(ctx context.Context, password string, salt []byte, size int) ([]byte, error) {
	select {
	case hashing <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-hashing }()
	return argon2.IDKey([]byte(password), salt, c.passes, c.memory, c.threads, uint32(size)), nil
}

// weaker reports whether one of the parameters is below that of d.
func (c cost) weaker(d cost) bool { return c.memory < d.memory || c.passes < d.passes }

// CheckPassword reports whether a password is the one of a PHC string, and
// whether it was hashed with less than is asked for today. Where kept is "",
// as of nobody, it is not, after the same time.
func CheckPassword(ctx context.Context, password, kept string) (right, weak bool, err error) {
	c, salt, want := today, make([]byte, saltBytes), make([]byte, hashBytes)
	if kept != "" {
		if c, salt, want, err = parsePHC(kept); err != nil {
			return false, false, err
		}
	}
	if len(password) > maxPassword {
		password = "" // nobody's, but hashed for as long
	}
	got, err := c.hash(ctx, password, salt, len(want))
	if err != nil {
		return false, false, err
	}
	same := subtle.ConstantTimeCompare(got, want) == 1
	return same && kept != "" && password != "", c.weaker(today), nil
}

func parsePHC(s string) (c cost, salt, hash []byte, err error) {
	var version int
	parts := strings.Split(s, "$")
	if len(parts) == 6 && parts[1] == "argon2id" {
		_, errV := fmt.Sscanf(parts[2], "v=%d", &version)
		_, errC := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.passes, &c.threads)
		salt, err = base64.RawStdEncoding.DecodeString(parts[4])
		if err == nil {
			hash, err = base64.RawStdEncoding.DecodeString(parts[5])
		}
		if err == nil && errV == nil && errC == nil && version == argon2.Version && c.sane() && len(salt) >= 8 && len(hash) >= 16 && len(hash) <= 64 {
			return c, salt, hash, nil
		}
	}
	return cost{}, nil, nil, fmt.Errorf("a password is kept in a form that is not known: give its owner a new link with footfall user reset EMAIL")
}

// sane keeps what a damaged file says from taking all memory.
func (c cost) sane() bool {
	return c.memory >= 8 && c.memory <= 1<<20 && c.passes >= 1 && c.passes <= 16 && c.threads >= 1 && c.threads <= 16
}
